//! What machines and the fast typist among them say, in the two languages of the communities. Links lead to reserved domains (RFC 2606).

/// The words of one language.
pub(super) struct Words {
    /// What a ring says, one line after the other.
    pub(super) ring: &'static [&'static str],
    /// What a timer reports; `{}` stands for a number.
    pub(super) timer: &'static str,
    /// Commands, and what is answered.
    pub(super) answers: &'static [(&'static str, &'static str)],
    /// What follows advertise with.
    pub(super) wave: &'static str,
    /// How somebody shows what they sell: `{}` stands for a thing, a price and a number, one after the other.
    pub(super) offer: &'static str,
    /// What they sell.
    pub(super) wares: &'static [&'static str],
    /// What they say in between.
    pub(super) remarks: &'static [&'static str],
}

impl Words {
    /// The words of a language.
    pub(super) fn of(language: &str) -> &'static Self {
        match language {
            "de" => &GERMAN,
            _ => &ENGLISH,
        }
    }
}

const ENGLISH: Words = Words {
    ring: &[
        "I doubled my followers in a week, ask me how: https://grow.example.com/start",
        "so glad I found this, it really works https://grow.example.com/start",
        "last chance today, half price for everybody here https://grow.example.com/half",
        "my friends said it is a scam but I got mine https://grow.example.com/start",
        "who wants an invite? first ten are free https://grow.example.com/invite",
    ],
    timer: "Water level at the jetty: {} cm, wind from the west",
    answers: &[
        (
            "!plan",
            "This week: Tuesday 18:00 open evening, Saturday 14:00 meet-up.",
        ),
        (
            "!rules",
            "Be kind, stay on topic, no advertising. The long form is pinned.",
        ),
        (
            "!links",
            "Calendar, wiki and photos are in the channel's description.",
        ),
    ],
    wave: "get famous! cheap viewers and followers on https://viewers.example.net/now",
    offer: "New in my shop: a {} for {} https://shop.example.org/{}",
    wares: &["board", "bowl", "spoon", "stool", "ladle", "box"],
    remarks: &[
        "finished it today",
        "anybody?",
        "only two left",
        "haha",
        "thank you all",
        "from ash",
        "oiled",
        "more tomorrow",
    ],
};

const GERMAN: Words = Words {
    ring: &[
        "Ich habe in einer Woche doppelt so viel verkauft, fragt mich wie: https://mehr.example.com/start",
        "so froh, dass ich das gefunden habe, klappt wirklich https://mehr.example.com/start",
        "nur heute, halber Preis für alle hier https://mehr.example.com/halb",
        "alle haben gesagt das ist Betrug, aber ich habe meins bekommen https://mehr.example.com/start",
        "wer will eine Einladung? die ersten zehn sind frei https://mehr.example.com/einladung",
    ],
    timer: "Luftfeuchte im Holzlager: {} Prozent, Fenster zu",
    answers: &[
        (
            "!plan",
            "Diese Woche: Dienstag 18:00 offene Werkbank, Samstag 14:00 Marktstand.",
        ),
        (
            "!regeln",
            "Freundlich bleiben, beim Thema bleiben, keine Werbung. Ausführlich ist es angeheftet.",
        ),
        (
            "!links",
            "Kalender, Wiki und Fotos stehen in der Beschreibung des Kanals.",
        ),
    ],
    wave: "werde berühmt! billige Zuschauer und Follower auf https://zuschauer.example.net/jetzt",
    offer: "Neu im Laden: {} für {} Euro https://laden.example.org/{}",
    wares: &["Brett", "Schale", "Löffel", "Hocker", "Kelle", "Kiste"],
    remarks: &[
        "heute fertig geworden",
        "wer mag",
        "nur noch zwei davon",
        "haha",
        "danke euch",
        "aus Esche",
        "geölt",
        "morgen mehr",
    ],
};
