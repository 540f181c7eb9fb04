//! What stands between the program and PostgreSQL: a wire that counts what is asked, and breaks when told.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// Leads to a server. Dropping it breaks it.
pub(crate) struct Wire {
    port: u16,
    asked: Arc<AtomicUsize>,
    broken: watch::Sender<u64>,
}

/// The messages that end what a client asks and wait for «ready»: Sync and Query.
const ENDS: [u8; 2] = [b'S', b'Q'];

impl Wire {
    /// One that leads to the server of a URL.
    pub(crate) async fn to(url: &str) -> Self {
        let (_, rest) = url.split_once('@').expect("the URL names a user");
        let (server, _) = rest.split_once('/').expect("the URL names a database");
        let server = server.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let (broken, breaks) = watch::channel(0);
        let counted = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                let (counted, mut breaks) = (Arc::clone(&counted), breaks.clone());
                breaks.mark_unchanged();
                tokio::spawn(async move {
                    tokio::select! {
                        () = pass(client, server, counted) => {}
                        _ = breaks.changed() => {}
                    }
                });
            }
        });
        Self {
            port,
            asked,
            broken,
        }
    }

    /// The URL by which the database is reached over it.
    pub(crate) fn url(&self, url: &str) -> String {
        let (head, rest) = url.split_once('@').expect("the URL names a user");
        let (_, name) = rest.split_once('/').expect("the URL names a database");
        format!("{head}@127.0.0.1:{}/{name}", self.port)
    }

    /// How often something was asked that waits for an answer.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Every connection is gone; new ones can be made.
    pub(crate) fn break_all(&self) {
        self.broken.send_modify(|n| *n += 1);
    }
}

async fn pass(client: TcpStream, server: TcpStream, asked: Arc<AtomicUsize>) {
    let (from_client, mut to_client) = client.into_split();
    let (mut from_server, to_server) = server.into_split();
    tokio::select! {
        _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
        _ = ask(from_client, to_server, asked) => {}
    }
}

async fn ask(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    asked: Arc<AtomicUsize>,
) -> std::io::Result<()> {
    // Messages before the one that names the protocol have no letter.
    let mut is_named = false;
    loop {
        let mut letter = [0];
        if is_named {
            client.read_exact(&mut letter).await?;
            server.write_all(&letter).await?;
        }
        let n = client.read_u32().await?;
        let mut body = vec![0; usize::try_from(n).unwrap() - 4];
        client.read_exact(&mut body).await?;
        if ENDS.contains(&letter[0]) {
            asked.fetch_add(1, Ordering::SeqCst);
        }
        // Protocol 3 of any kind; what asks for encryption has another number.
        is_named = is_named || body.starts_with(&[0, 3]);
        server.write_u32(n).await?;
        server.write_all(&body).await?;
    }
}
