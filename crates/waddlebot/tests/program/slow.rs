//! Slow clients: they lose their connection, and nobody else notices.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use super::run::{get, server};

#[test]
fn a_client_that_never_ends_its_headers_is_cut_off_and_others_are_served() {
    let place = tempfile::tempdir().unwrap();
    let running = server(place.path(), &["serve"], "is ready on");
    let mut slow = TcpStream::connect(&running.address).unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(40)))
        .unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        .unwrap();
    assert!(get(&running.address, "/healthz").starts_with("HTTP/1.0 200"));
    let mut rest = Vec::new();
    // The end of the connection, with or without a word; a time-out of ours would be an error.
    slow.read_to_end(&mut rest).unwrap();
    assert!(
        rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"),
        "{}",
        String::from_utf8_lossy(&rest)
    );
}
