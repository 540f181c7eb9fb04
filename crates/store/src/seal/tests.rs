use std::sync::{
    Mutex,
    atomic::{AtomicU8, Ordering},
};

use super::*;

/// Counts up, so that no two nonces are the same.
struct Counting(AtomicU8);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        for byte in buffer {
            *byte = self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

fn entropy() -> Counting {
    Counting(AtomicU8::new(1))
}

fn keys(pairs: &[(&str, u8)]) -> Keys {
    let all = pairs
        .iter()
        .map(|(id, byte)| ((*id).to_owned(), Secret::new([*byte; KEY_BYTES])));
    Keys::new(pairs[0].0, all.collect()).unwrap()
}

fn ring(pairs: &[(&str, u8)]) -> KeyRing {
    KeyRing::new(&keys(pairs))
}

const PLACE: Place = Place {
    table: "connection",
    column: "access_sealed",
    row: 7,
    community: CommunityId(3),
};

#[test]
fn what_is_sealed_opens_at_its_place_and_never_looks_the_same_twice() {
    let (ring, entropy) = (ring(&[("a", 1)]), entropy());
    for text in ["", "xoxb-secret", "ü🦆"] {
        let first = ring.seal(&entropy, &PLACE, text).unwrap();
        let second = ring.seal(&entropy, &PLACE, text).unwrap();
        assert_ne!(first, second);
        assert!(first.starts_with("v1|a|"), "{first}");
        assert!(text.is_empty() || !first.contains(text));
        assert_eq!(ring.open(&PLACE, &first).unwrap().expose(), text);
        assert_eq!(ring.open(&PLACE, &second).unwrap().expose(), text);
    }
}

/// Test vector of draft-irtf-cfrg-xchacha-03, appendix A.3.1: the cipher is the one of the draft.
#[test]
fn the_cipher_gives_the_published_ciphertext() {
    let key: Vec<u8> = (0x80..=0x9f).collect();
    let nonce: Vec<u8> = (0x40..=0x57).collect();
    let aad = [
        0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7,
    ];
    let text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
    let cipher = XChaCha20Poly1305::new_from_slice(&key).unwrap();
    let nonce = XNonce::from(<[u8; NONCE_BYTES]>::try_from(nonce).unwrap());
    let payload = Payload {
        msg: text,
        aad: &aad,
    };
    let sealed = cipher.encrypt(&nonce, payload).unwrap();
    assert_eq!(random::hex(&sealed[..8]), "bd6d179d3e83d43b");
    assert_eq!(
        random::hex(&sealed[sealed.len() - 16..]),
        "c0875924c1c7987947deafd8780acf49"
    );
}

#[test]
fn a_text_moved_to_another_place_does_not_open() {
    let ring = ring(&[("a", 1)]);
    let sealed = ring.seal(&entropy(), &PLACE, "token").unwrap();
    for elsewhere in [
        Place { row: 8, ..PLACE },
        Place {
            community: CommunityId(4),
            ..PLACE
        },
        Place {
            column: "refresh_sealed",
            ..PLACE
        },
        Place {
            table: "webhook",
            ..PLACE
        },
    ] {
        let refused = ring.open(&elsewhere, &sealed);
        assert_eq!(refused, Err(SealError::DoesNotOpen("a".to_owned())));
    }
}

#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    let ring = ring(&[("a", 1), ("b", 2)]);
    let sealed = ring.seal(&entropy(), &PLACE, "token").unwrap();
    let parts: Vec<&str> = sealed.split('|').collect();
    for part in [2, 3] {
        let bytes = URL_SAFE_NO_PAD.decode(parts[part]).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let mut changed = parts.clone();
            let text = URL_SAFE_NO_PAD.encode(flipped);
            changed[part] = &text;
            let refused = ring.open(&PLACE, &changed.join("|"));
            assert_eq!(refused, Err(SealError::DoesNotOpen("a".to_owned())));
        }
    }
    let other_id = sealed.replacen("|a|", "|b|", 1);
    let refused = ring.open(&PLACE, &other_id);
    assert_eq!(refused, Err(SealError::DoesNotOpen("b".to_owned())));
}

#[test]
fn the_wrong_key_and_a_missing_key_are_told_apart_by_id() {
    let sealed = ring(&[("a", 1)]).seal(&entropy(), &PLACE, "token").unwrap();
    let wrong = ring(&[("a", 2)]).open(&PLACE, &sealed).unwrap_err();
    assert_eq!(wrong, SealError::DoesNotOpen("a".to_owned()));
    let missing = ring(&[("b", 1)]).open(&PLACE, &sealed).unwrap_err();
    assert_eq!(missing, SealError::UnknownKey("a".to_owned()));
    assert!(missing.to_string().contains("key `a`"), "{missing}");
}

#[test]
fn what_is_not_sealed_text_is_refused() {
    let ring = ring(&[("a", 1)]);
    let sealed = ring.seal(&entropy(), &PLACE, "token").unwrap();
    for bad in [
        "",
        "token",
        "v1|a",
        "v1|a|AAAA|AAAA",
        "v1||AAAA|AAAA",
        "v1|A|AAAA|AAAA",
        &sealed.replacen("v1", "v2", 1),
        &format!("{sealed}|x"),
        &format!("{sealed}="),
    ] {
        assert_eq!(ring.open(&PLACE, bad), Err(SealError::Form), "{bad}");
    }
}

#[test]
fn older_keys_open_and_the_active_one_seals() {
    let old = ring(&[("a", 1)]).seal(&entropy(), &PLACE, "token").unwrap();
    let ring = ring(&[("b", 2), ("a", 1)]);
    assert_eq!(ring.open(&PLACE, &old).unwrap().expose(), "token");
    let new = ring.seal(&entropy(), &PLACE, "token").unwrap();
    assert_eq!((key_id(&old), key_id(&new)), (Some("a"), Some("b")));
    assert_eq!(
        (ring.active(), ring.ids()),
        ("b".to_owned(), vec!["a".to_owned(), "b".to_owned()])
    );
}

#[test]
fn a_running_ring_learns_a_key_that_was_added_and_forgets_none() {
    let kept = Arc::new(Mutex::new(keys(&[("a", 1)])));
    let source = Arc::clone(&kept);
    let running = ring(&[("a", 1), ("lost", 9)])
        .with_source(Arc::new(move || Ok(source.lock().unwrap().clone())));
    let lost = ring(&[("lost", 9)]).seal(&entropy(), &PLACE, "x").unwrap();
    *kept.lock().unwrap() = keys(&[("b", 2), ("a", 1)]);
    let new = ring(&[("b", 2)]).seal(&entropy(), &PLACE, "y").unwrap();
    assert_eq!(running.open(&PLACE, &new).unwrap().expose(), "y");
    assert_eq!(
        running.active(),
        "b",
        "from now on it seals with the new key"
    );
    assert_eq!(running.open(&PLACE, &lost).unwrap().expose(), "x");
    assert!(!running.knows("c"));
    *kept.lock().unwrap() = keys(&[("c", 3)]);
    assert!(running.knows("c"));
}

#[test]
fn a_ring_survives_its_text_and_bad_ones_say_what_is_wrong() {
    let made = Keys::generate(&entropy());
    let texts = |keys: &Keys| -> Vec<String> {
        let all = keys.texts();
        all.map(|(id, key)| format!("{id}:{}", key.expose()))
            .collect()
    };
    assert_eq!(Keys::parse(&texts(&made).join(",")).unwrap(), made);
    let grown = made.with_fresh(&Counting(AtomicU8::new(99))).unwrap();
    assert_eq!(texts(&grown).len(), 2);
    assert_ne!(grown.active(), made.active());
    let padded = format!("a:{}=", "A".repeat(43));
    assert_eq!(Keys::parse(&padded).unwrap(), keys(&[("a", 0)]));
    let plus = format!("a: {}", "+/".repeat(21) + "8=");
    Keys::parse(&plus).unwrap();
    let key = "A".repeat(43);
    for (text, expected) in [
        (String::new(), RingError::Empty),
        ("a".to_owned(), RingError::Form),
        ("a:AAAA".to_owned(), RingError::Key("a".to_owned())),
        (format!("A:{key}"), RingError::Id("A".to_owned())),
        (format!("a|b:{key}"), RingError::Id("a|b".to_owned())),
        (format!("a:{key},a:{key}"), RingError::Twice("a".to_owned())),
    ] {
        assert_eq!(Keys::parse(&text), Err(expected), "{text}");
    }
    let refused = Keys::new("b", vec![("a".to_owned(), Secret::new([0; KEY_BYTES]))]);
    assert_eq!(refused, Err(RingError::NoActive("b".to_owned())));
}

#[test]
fn nothing_secret_is_printed() {
    let made = keys(&[("a", 0xab)]);
    let ring = KeyRing::new(&made);
    let shown = format!("{made:?} {ring:?} {:?}", made.texts().collect::<Vec<_>>());
    assert!(
        !shown.contains("171") && !shown.contains("ab, ab"),
        "{shown}"
    );
    assert!(!shown.contains("q6ur"), "{shown}");
}
