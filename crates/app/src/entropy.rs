//! The operating system's randomness: the only source the running program uses for tokens.

use kernel::Entropy;
use rand::{TryRng, rngs::SysRng};

/// Cryptographically secure random bytes from the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(
        clippy::expect_used,
        reason = "without the system's randomness no token may be made; stopping is right"
    )]
    fn fill(&self, buffer: &mut [u8]) {
        SysRng
            .try_fill_bytes(buffer)
            .expect("the operating system gives random bytes");
    }
}

#[cfg(test)]
mod tests {
    use super::SystemEntropy;

    #[test]
    fn two_tokens_differ() {
        let token = || kernel::random::token(&SystemEntropy);
        assert_ne!(token(), token());
        assert_eq!(token().len(), 64);
    }
}
