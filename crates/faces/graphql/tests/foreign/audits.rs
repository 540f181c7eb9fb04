//! The audits of the GraphQL-over-HTTP specification (npm: graphql-http).

use super::{pond::Pond, run::Client};

#[tokio::test]
async fn every_audit_of_graphql_over_http_passes() {
    let pond = Pond::open().await;
    if let Some(mut audits) = Client::start("audits.mjs", &pond.told()) {
        let report = audits.saw("audits").await;
        audits.end().await;
        let results = report["results"].as_array().unwrap();
        let failed: Vec<_> = results
            .iter()
            .filter(|result| result["status"] != "ok")
            .collect();
        assert!(failed.is_empty(), "{failed:#?}");
        assert!(results.len() >= 61, "only {} audits", results.len());
    }
    pond.close().await;
}
