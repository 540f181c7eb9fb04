//! Time-based one-time passwords (RFC 6238) as authenticator apps know them: SHA-1, six digits,
//! 30 seconds. Pure: the time is given.

use kernel::{Entropy, Secret, Timestamp, random};
use totp_rs::{Builder, Totp};

use crate::IdentityError;

/// Bytes of a secret: 160 bits, as RFC 4226 §4 (R6) recommends.
const SECRET_BYTES: usize = 20;
/// Time steps before and after the present one whose codes are taken (RFC 6238 §5.2).
const SKEW: u16 = 1;
/// What apps call us.
const ISSUER: &str = "WaddleBot";

/// A fresh secret in base32 (RFC 4648 §6, without padding).
pub(crate) fn fresh(entropy: &dyn Entropy) -> Secret<String> {
    let bytes: totp_rs::Secret = random::bytes::<SECRET_BYTES>(entropy).into();
    Secret::new(bytes.to_base32())
}

fn totp(secret: &Secret<String>, account: &str) -> Option<Totp> {
    let secret = totp_rs::Secret::try_from_base32(secret.expose()).ok()?;
    Builder::new()
        .with_secret(secret)
        .with_skew(SKEW)
        .with_issuer(Some(ISSUER))
        .with_account_name(account.replace(':', " "))
        .build()
        .ok()
}

/// The address that a QR code holds (`otpauth://totp/…`).
pub(crate) fn address(
    secret: &Secret<String>,
    account: &str,
) -> Result<Secret<String>, IdentityError> {
    let address = totp(secret, account).and_then(|totp| totp.to_url().ok());
    address
        .map(Secret::new)
        .ok_or_else(|| IdentityError::invalid("code", "begin again: this secret cannot be used"))
}

/// The time step whose code this is; `None` if it is of none nearby. Compared as numbers, so that
/// the time it takes says nothing.
pub(crate) fn step(secret: &Secret<String>, code: &str, now: Timestamp) -> Option<i64> {
    let digits: String = code.chars().filter(char::is_ascii_digit).take(7).collect();
    if digits.len() != 6 {
        return None;
    }
    let time = u64::try_from(now.secs()).ok()?;
    let step = totp(secret, "")?.check(&digits, time)?;
    i64::try_from(step).ok()
}

#[cfg(test)]
mod tests {
    use super::{address, step};
    use kernel::{Secret, Timestamp};

    /// The secret of RFC 6238, appendix B: the ASCII text `12345678901234567890`.
    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn at(code: &str, secs: i64) -> Option<i64> {
        step(
            &Secret::new(SECRET.to_owned()),
            code,
            Timestamp::from_secs(secs),
        )
    }

    #[test]
    fn the_last_six_digits_of_the_vectors_of_rfc_6238_are_taken() {
        for (secs, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(at(code, secs), Some(secs / 30), "{code}");
        }
    }

    #[test]
    fn a_code_is_taken_one_step_early_or_late_and_names_its_own_step() {
        assert_eq!(at("050 471", 1_111_111_111 + 30), Some(37_037_037));
        assert_eq!(at("050471", 1_111_111_111 - 30), Some(37_037_037));
        assert_eq!(at("050471", 1_111_111_111 + 60), None);
        assert_eq!(at("050471", 1_111_111_111 - 60), None);
    }

    #[test]
    fn what_is_no_code_is_none() {
        for bad in ["", "05047", "0504711", "abcdef", "0５0471"] {
            assert_eq!(at(bad, 1_111_111_111), None, "{bad}");
        }
    }

    #[test]
    fn the_address_names_us_and_the_account() {
        let secret = Secret::new(SECRET.to_owned());
        let address = address(&secret, "ann:x@example.org").unwrap();
        assert!(
            address.expose().starts_with("otpauth://totp/WaddleBot:ann"),
            "{}",
            address.expose()
        );
        assert!(address.expose().contains(SECRET));
    }
}
