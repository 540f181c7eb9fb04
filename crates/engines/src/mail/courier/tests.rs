//! The contract of [`Courier`] by mail, on both engines.

use std::{path::Path, sync::Arc};

use kernel::{
    Act, Address, Button, CarryError, Courier, Draft, Haste, Medium, Mentions, Order, PageRequest,
    Secret, Timestamp, Turn,
};
use simulator::smtp::{SmtpFault, SmtpRule, SmtpServer};

use super::MailCourier;
use crate::{
    mail::{OutboxMailer, SmtpMailer},
    outside::{HandClock, nowhere, soon},
};

const FROM: &str = "WaddleBot <bot@ducks.example>";

fn order(to: &str) -> Order {
    Order {
        medium: Medium::Email,
        address: Address::Mailbox { to: to.into() },
        act: Act::Post,
        draft: Draft {
            title: Some("Race night".into()),
            body: "Tonight.".into(),
            buttons: vec![Button::Link {
                url: "https://bot.example/e/7".into(),
                label: "Page".into(),
            }],
            ..Draft::default()
        },
        reply_to: None,
        mentions: Mentions::Nobody,
        nonce: "n".into(),
    }
}

/// Subject, text and HTML of what arrived.
type Seen = Vec<(String, String, String)>;

async fn suite(courier: &MailCourier, arrived: impl AsyncFn() -> Seen) {
    assert_eq!(courier.medium(), Medium::Email);
    let good = order("ann@ducks.example");
    assert!(!courier.knows_nonces(&good));
    assert_eq!(courier.turn(&good, Haste::Line), Ok(Turn::Now));
    courier.leave(&good);
    assert_eq!(courier.turn(&good, Haste::Next), Ok(Turn::Now));
    let receipt = soon(courier.carry(&good)).await.unwrap();
    assert_eq!((receipt.message_id, receipt.is_confirmed), (None, false));
    let [(subject, text, html)] = arrived().await.try_into().unwrap();
    assert_eq!(subject, "Race night");
    assert_eq!(
        text.trim_end(),
        "Race night\n\nTonight.\n\nPage: https://bot.example/e/7"
    );
    assert!(html.contains("<h1>Race night</h1>"), "{html}");

    let mut edit = good.clone();
    edit.act = Act::Edit {
        message_id: "1".into(),
    };
    let mut chat = good.clone();
    chat.address = Address::Direct {
        server: "T1".into(),
        user: "U1".into(),
    };
    let mut empty = good.clone();
    empty.draft = Draft::default();
    let mut other = good.clone();
    other.medium = Medium::Slack;
    for wrong in [edit, chat, empty, other] {
        for error in [
            courier.turn(&wrong, Haste::Line).unwrap_err(),
            soon(courier.carry(&wrong)).await.unwrap_err(),
        ] {
            assert!(matches!(error, CarryError::Refused(_)), "{error:?}");
        }
    }
    for nobody in ["", "ann", "ann@x.example\r\nBcc: bob@x.example"] {
        let error = soon(courier.carry(&order(nobody))).await.unwrap_err();
        assert!(matches!(error, CarryError::Refused(_)), "{error:?}");
        assert!(!format!("{error:?}").contains("x.example"));
    }
    assert_eq!(arrived().await.len(), 1);
}

fn outbox(directory: &Path) -> OutboxMailer {
    OutboxMailer::open(directory, FROM, HandClock::at(Timestamp(1))).unwrap()
}

fn over(url: &str) -> MailCourier {
    let clock = HandClock::at(Timestamp(1));
    let mailer = SmtpMailer::open(&Secret::new(url.to_owned()), FROM, clock).unwrap();
    MailCourier::new(Arc::new(mailer))
}

#[tokio::test]
async fn the_outbox_is_a_courier() {
    let home = tempfile::tempdir().unwrap();
    let courier = MailCourier::new(Arc::new(outbox(home.path())));
    let arrived = async || {
        let outbox = outbox(home.path());
        let mut seen = Vec::new();
        for entry in outbox.list(&PageRequest::first(10)).await.unwrap().items {
            let mail = outbox.read(entry.id).await.unwrap().unwrap();
            seen.push((mail.subject, mail.text, mail.html.unwrap()));
        }
        seen
    };
    suite(&courier, arrived).await;
}

#[tokio::test]
async fn an_smtp_server_is_a_courier() {
    let server = SmtpServer::start(0).await.unwrap();
    let arrived = async || {
        use mailparse::MailHeaderMap;
        let part = |mail: &mailparse::ParsedMail<'_>, kind: &str| {
            let part = mail.parts().find(|part| part.ctype.mimetype == kind);
            part.unwrap().get_body().unwrap().replace("\r\n", "\n")
        };
        let mails = server.mails();
        let seen = mails.iter().map(|mail| {
            let mail = mailparse::parse_mail(&mail.data).unwrap();
            let subject = mail.headers.get_first_value("Subject").unwrap();
            (subject, part(&mail, "text/plain"), part(&mail, "text/html"))
        });
        seen.collect()
    };
    suite(&over(&server.url()), arrived).await;
}

#[tokio::test]
async fn what_a_server_does_to_a_mail_is_told_as_it_is() {
    let server = SmtpServer::start(0).await.unwrap();
    let courier = over(&server.url());
    let reply = |code: u16| SmtpFault::Reply {
        code,
        text: "<ann@ducks.example> no".into(),
    };
    let cases = [
        ("RCPT", reply(550), "refused", 0),
        ("RCPT", reply(451), "unavailable", 0),
        ("MAIL", reply(421), "unavailable", 0),
        ("BODY", reply(554), "refused", 0),
        ("BODY", reply(452), "unavailable", 0),
        ("BODY", SmtpFault::Drop, "unknown", 0),
        ("BODY", SmtpFault::DropAfter, "unknown", 1),
    ];
    for (verb, fault, class, n_arrived) in cases {
        let before = server.mails().len();
        server.fail(SmtpRule {
            verb: verb.into(),
            contains: String::new(),
            times: 1,
            fault: fault.clone(),
        });
        let error = soon(courier.carry(&order("ann@ducks.example")))
            .await
            .unwrap_err();
        let is = match &error {
            CarryError::Refused(_) => "refused",
            CarryError::Unavailable(_) => "unavailable",
            CarryError::Unknown(_) => "unknown",
            CarryError::RateLimited { .. } | CarryError::Closed { .. } => "waits",
        };
        assert_eq!(is, class, "{verb} {fault:?}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("ann@"), "{error:?}");
        assert_eq!(server.mails().len(), before + n_arrived, "{verb} {fault:?}");
    }
    soon(courier.carry(&order("ann@ducks.example")))
        .await
        .unwrap();

    let address = nowhere().await.expose().replace("redis://", "smtp://");
    let error = soon(over(&address).carry(&order("ann@ducks.example"))).await;
    assert!(
        matches!(error, Err(CarryError::Unavailable(_))),
        "{error:?}"
    );
}
