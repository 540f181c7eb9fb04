use super::{check_email, check_name, check_password};
use kernel::Secret;

#[test]
fn names_are_trimmed_and_bounded() {
    assert_eq!(check_name("  Ann ").unwrap(), "Ann");
    for bad in ["", "   ", "a\nb", &"x".repeat(81)] {
        assert!(check_name(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn addresses_are_folded_and_must_have_two_halves() {
    assert_eq!(
        check_email(" Ann@Example.ORG ").unwrap().1,
        "ann@example.org"
    );
    for bad in [
        "",
        "ann",
        "@x",
        "ann@",
        "a@b@c",
        "a b@c",
        &format!("{}@x", "a".repeat(260)),
    ] {
        assert!(check_email(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn weak_passwords_are_refused() {
    let check = |p: &str| check_password(&Secret::new(p.to_owned()), "ann@example.org");
    assert!(check("correct horse").is_ok());
    assert!(check("short").is_err());
    assert!(check("ann@Example.org").is_err());
    assert!(check(&"x".repeat(513)).is_err());
}
