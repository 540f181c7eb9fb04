//! The table of all signals: name, group, meaning, range, empty case and the sentence for people, with a version and a
//! hash. Two programs that agree on the hash mean the same by each number.

use std::fmt::Write as _;
use std::sync::LazyLock;

use super::{
    VERSION, card, clock, context, emoji, ending, exchange, interval, language, latency, length,
    letters, link, pace, partner, repetition, sample::Sample, standing, together::TOGETHER, turn,
    wording,
};

/// The roadmap's groups of signals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Group {
    /// When and how much.
    Behaviour,
    /// What the messages look like.
    Content,
    /// With whom.
    Social,
    /// What is known of the account.
    Account,
    /// Against what is usual in the community.
    Community,
}

impl Group {
    /// Every group, in the order of the reference.
    pub const ALL: [Self; 5] = [
        Self::Behaviour,
        Self::Content,
        Self::Social,
        Self::Account,
        Self::Community,
    ];

    /// The word used in files and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Behaviour => "behaviour",
            Self::Content => "content",
            Self::Social => "social",
            Self::Account => "account",
            Self::Community => "community",
        }
    }
}

/// Which models may use a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    /// Means the same everywhere: every model.
    Everywhere,
    /// Known in some communities only, the same for everybody in one, or a matter of how busy the channels are and which
    /// languages are spoken: only models that a community trains for itself.
    /// A model of many communities would learn from it where an account is, and not what it does.
    WithinCommunity,
}

/// Something that is measured of an account.
pub struct Signal {
    /// Stable name, lower case with `_`.
    pub name: &'static str,
    /// Its group.
    pub group: Group,
    /// What it measures.
    pub meaning: &'static str,
    /// Its unit and range.
    pub range: &'static str,
    /// When it is `NaN`.
    pub empty: &'static str,
    /// Which models may use it.
    pub used: Use,
    /// Said of an account whose value is high, as the rest of a sentence that begins with "the account"; `{value}` is
    /// replaced.
    pub high: &'static str,
    /// Said of one whose value is low.
    pub low: &'static str,
    pub(super) measure: fn(&Sample<'_>) -> f64,
}

/// The table.
pub static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::new);

/// All signals in the order of a vector. A vector has first what was measured, one number for each signal, and then each
/// signal that is used everywhere once more, against the norms of the community (see [`super::Norms`]).
pub struct Schema {
    signals: Vec<&'static Signal>,
    columns: Vec<Column>,
    hash: String,
}

/// One number of a vector.
#[derive(Clone)]
pub struct Column {
    /// Stable name: the signal's, with `_here` for the one against the norms.
    pub name: String,
    /// What it measures.
    pub signal: &'static Signal,
    /// The place of the signal among what is measured; none has the number for what is put together of several.
    pub place: usize,
    /// Whether it is against the norms of the community.
    pub against_norms: bool,
}

impl Schema {
    fn new() -> Self {
        let signals: Vec<&'static Signal> = [
            pace::SIGNALS,
            interval::SIGNALS,
            clock::SIGNALS,
            length::SIGNALS,
            latency::SIGNALS,
            repetition::SIGNALS,
            card::SIGNALS,
            link::SIGNALS,
            emoji::SIGNALS,
            letters::SIGNALS,
            language::SIGNALS,
            ending::SIGNALS,
            wording::SIGNALS,
            turn::SIGNALS,
            partner::SIGNALS,
            exchange::SIGNALS,
            standing::SIGNALS,
            context::SIGNALS,
        ]
        .into_iter()
        .flatten()
        .collect();
        let mut hasher = blake3::Hasher::new();
        hasher.update(&VERSION.to_le_bytes());
        let together = TOGETHER.iter().map(|together| &together.signal);
        for signal in signals.iter().copied().chain(together) {
            hasher.update(signal.name.as_bytes());
            hasher.update(b"\n");
        }
        let hash = hasher.finalize().to_hex().chars().take(32).collect();
        let rows = || signals.iter().copied().enumerate();
        let measured = rows().map(|(place, signal)| Column {
            name: signal.name.to_owned(),
            signal,
            place,
            against_norms: false,
        });
        let compared = rows()
            .filter(|(_, signal)| signal.used == Use::Everywhere)
            .map(|(place, signal)| Column {
                name: format!("{}_here", signal.name),
                signal,
                place,
                against_norms: true,
            });
        let together = TOGETHER.iter().map(|together| Column {
            name: format!("{}_here", together.signal.name),
            signal: &together.signal,
            place: usize::MAX,
            against_norms: true,
        });
        let columns = measured.chain(compared).chain(together).collect();
        Self {
            signals,
            columns,
            hash,
        }
    }

    /// The numbers of a vector, in their order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The names of the numbers of a vector, in their order.
    pub fn names(&self) -> Vec<String> {
        self.columns
            .iter()
            .map(|column| column.name.clone())
            .collect()
    }

    /// How many signals are measured.
    pub fn len(&self) -> usize {
        self.signals.len()
    }

    /// Whether there are no signals; there are.
    pub fn is_empty(&self) -> bool {
        self.signals.is_empty()
    }

    /// The signals, in the order of what is measured.
    pub fn signals(&self) -> impl Iterator<Item = &'static Signal> + '_ {
        self.signals.iter().copied()
    }

    /// The place of a number in a vector.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The place of a signal in what is measured.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.signals.iter().position(|signal| signal.name == name)
    }

    /// [`VERSION`].
    pub const fn version(&self) -> u16 {
        VERSION
    }

    /// A hash over version and names: 32 hexadecimal digits. A model is bound to it.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

/// `docs/reference/features.md`.
pub fn reference() -> String {
    let mut out = format!(
        "# Features of bot detection\n\n\
         Generated by `cargo xtask codegen` from `crates/domains/bots/src/features`; do not edit.\n\n\
         Schema version {}, hash `{}`, {} signals. They are measured over the last {} messages of an account in a \
         community and its tiles of {} days. What cannot be measured is missing (`NaN`), never a made-up number.\n\n\
         A vector holds what was measured, and each signal that is not *local* once more as `<signal>_here`: its distance \
         from the median member of the community in spreads (half of the middle 68 %), between -12 and 12, less for an \
         account that has said little. That distance means the same on every platform. Norms are made of members with at \
         least five messages and blended with what is usual everywhere where members are few.\n\n\
         Signals marked *local* are known in some communities only, the same for everybody in one, or a matter of how busy its \
         channels are and which languages are spoken: the model that ships with the program does not use them, models that a community trains for itself do.\n",
        SCHEMA.version(),
        SCHEMA.hash(),
        SCHEMA.len(),
        super::RING,
        super::DAYS,
    );
    for group in Group::ALL {
        let _ = write!(
            out,
            "\n## {}\n\n| signal | meaning | range | missing | said when high | said when low |\n|---|---|---|---|---|---|\n",
            group.as_str()
        );
        let together = TOGETHER.iter().map(|together| &together.signal);
        for signal in SCHEMA
            .signals()
            .chain(together)
            .filter(|signal| signal.group == group)
        {
            let local = match signal.used {
                Use::Everywhere => "",
                Use::WithinCommunity => " *(local)*",
            };
            let _ = writeln!(
                out,
                "| `{}`{local} | {} | {} | {} | {} | {} |",
                signal.name, signal.meaning, signal.range, signal.empty, signal.high, signal.low
            );
        }
    }
    out
}
