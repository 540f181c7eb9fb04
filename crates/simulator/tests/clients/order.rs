//! Exchanges of a client with a simulator, held against the contract that the platform publishes.

use contracts::{Contract, Exchange, Part, Violation};

/// Fails if an exchange is out of order. At least so many must have been checked. `known` is what this client does
/// besides the contract: operation and part.
pub(crate) fn assert_in_order(
    contract: Option<Contract>,
    exchanges: &[simulator::wire::Exchange],
    at_least: usize,
    known: &[(&str, Part)],
) {
    let Some(contract) = contract else { return };
    let mut report = contract.check_all(exchanges.iter().map(|it| Exchange {
        method: &it.method,
        path: &it.path,
        query: it.query.as_deref(),
        content_type: it.content_type.as_deref(),
        body: &it.body,
        status: it.status,
        reply: &it.reply,
    }));
    let is_known = |it: &Violation| known.contains(&(it.operation.as_str(), it.part));
    report.violations.retain(|violation| !is_known(violation));
    assert!(report.is_clean(), "{report}");
    assert!(report.n_checked >= at_least, "{report}");
}
