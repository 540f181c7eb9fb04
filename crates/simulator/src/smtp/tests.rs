use std::time::Duration;

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::{MAIL_BYTES_MAX, SmtpFault, SmtpRule, SmtpServer};

struct Client(BufReader<TcpStream>);

impl Client {
    async fn to(server: &SmtpServer) -> Self {
        let mut client = Self(BufReader::new(
            TcpStream::connect(server.address).await.unwrap(),
        ));
        assert!(client.hear().await.starts_with("220"));
        client
    }

    async fn hear(&mut self) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            let n = self.0.read_line(&mut line).await.unwrap();
            all.push_str(&line);
            if n == 0 || line.as_bytes().get(3) != Some(&b'-') {
                return all;
            }
        }
    }

    async fn ask(&mut self, line: &str) -> String {
        self.0.write_all(line.as_bytes()).await.unwrap();
        self.0.write_all(b"\r\n").await.unwrap();
        self.hear().await
    }
}

fn rule(verb: &str, fault: SmtpFault) -> SmtpRule {
    SmtpRule {
        verb: verb.into(),
        contains: String::new(),
        times: 1,
        fault,
    }
}

#[tokio::test]
async fn a_mail_is_kept_with_its_dots_undone_and_its_envelope() {
    let server = SmtpServer::start(0).await.unwrap();
    let mut client = Client::to(&server).await;
    assert!(client.ask("EHLO test").await.contains("SMTPUTF8"));
    assert!(client.ask("DATA").await.starts_with("503"));
    assert!(
        client
            .ask("MAIL FROM:<bot@x.example> SMTPUTF8")
            .await
            .starts_with("250")
    );
    assert!(
        client
            .ask("RCPT TO:<änn@x.example>")
            .await
            .starts_with("250")
    );
    assert!(client.ask("DATA").await.starts_with("354"));
    let reply = client.ask("Subject: hi\r\n\r\n..dots\r\n.\r\nQUIT").await;
    assert!(reply.starts_with("250"), "{reply}");
    assert!(client.hear().await.starts_with("221"));
    let [mail] = server.mails().try_into().unwrap();
    assert_eq!(mail.from, "bot@x.example");
    assert_eq!(mail.to, ["änn@x.example"]);
    assert_eq!(mail.text(), "Subject: hi\r\n\r\n.dots\r\n");
}

#[tokio::test]
async fn faults_refuse_and_break_and_a_mail_too_large_is_not_kept() {
    let server = SmtpServer::start(0).await.unwrap();
    server.fail(rule(
        "RCPT",
        SmtpFault::Reply {
            code: 451,
            text: "later".into(),
        },
    ));
    server.fail(rule("BODY", SmtpFault::DropAfter));
    let mut client = Client::to(&server).await;
    client.ask("EHLO test").await;
    client.ask("MAIL FROM:<a@x.example>").await;
    assert!(client.ask("RCPT TO:<b@x.example>").await.starts_with("451"));
    client.ask("RCPT TO:<b@x.example>").await;
    client.ask("DATA").await;
    assert_eq!(client.ask("lost\r\n.").await, "", "hung up after keeping");
    assert!(
        server
            .wait_for(|mails| mails.len() == 1, Duration::from_secs(5))
            .await
    );

    let mut client = Client::to(&server).await;
    client.ask("EHLO test").await;
    client.ask("MAIL FROM:<a@x.example>").await;
    client.ask("RCPT TO:<b@x.example>").await;
    client.ask("DATA").await;
    let large = "x".repeat(MAIL_BYTES_MAX + 1);
    assert!(
        client
            .ask(&format!("{large}\r\n."))
            .await
            .starts_with("552")
    );
    assert!(client.ask("RSET").await.starts_with("250"));
    assert_eq!(server.mails().len(), 1);
}
