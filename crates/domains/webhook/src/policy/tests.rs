//! When the next try is, and when a webhook is switched off.

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_780_315_200);

fn reply(status: u16, retry_after: Option<&str>) -> HookReply {
    HookReply {
        status,
        retry_after: retry_after.map(str::to_owned),
        excerpt: String::new(),
    }
}

#[test]
fn only_an_answer_of_the_two_hundreds_is_an_arrival() {
    for status in [200, 201, 202, 204, 299] {
        assert_eq!(next(&Ok(reply(status, None)), 1, NOW, 0.0), Next::Delivered);
    }
    for status in [100, 199, 300, 301, 302, 307, 400, 401, 404, 429, 500, 503] {
        assert_eq!(
            next(&Ok(reply(status, None)), 1, NOW, 0.0),
            Next::Again(Duration::from_secs(5)),
            "{status}"
        );
    }
    assert_eq!(next(&Ok(reply(410, None)), 1, NOW, 0.0), Next::Gone);
    for error in HookError::ALL {
        assert_eq!(
            next(&Err(error), 1, NOW, 0.0),
            Next::Again(Duration::from_secs(5))
        );
    }
}

#[test]
fn the_seven_tries_are_as_far_apart_as_the_schedule_says_and_a_tenth_at_most() {
    for (round, planned) in (1..).zip(SCHEDULE) {
        assert_eq!(
            next(&Ok(reply(500, None)), round, NOW, 0.0),
            Next::Again(planned)
        );
        let Next::Again(late) = next(&Ok(reply(500, None)), round, NOW, 0.999_999) else {
            panic!("there is another try after try {round}");
        };
        assert!(late > planned && late < planned.mul_f64(1.1), "{late:?}");
    }
    for round in [TRIES, TRIES + 1, u32::MAX] {
        assert_eq!(next(&Ok(reply(500, None)), round, NOW, 0.0), Next::GivenUp);
    }
    assert_eq!(usize::try_from(TRIES).unwrap(), SCHEDULE.len() + 1);
}

#[test]
fn a_receiver_may_ask_for_a_longer_wait_within_a_day() {
    let after = |text| next(&Ok(reply(429, Some(text))), 1, NOW, 0.0);
    let secs = |secs| Next::Again(Duration::from_secs(secs));
    assert_eq!(after("120"), secs(120));
    assert_eq!(after(" 120 "), secs(120));
    assert_eq!(after("1"), secs(5), "never sooner than planned");
    assert_eq!(after("999999"), secs(86_400), "never longer than a day");
    for nonsense in [
        "",
        "-5",
        "soon",
        "1.5",
        "Wed, 99 Foo 2026",
        "99999999999999",
    ] {
        assert_eq!(after(nonsense), secs(5), "{nonsense}");
    }
    // NOW is Mon, 01 Jun 2026 12:00:00 GMT.
    assert_eq!(after("Mon, 01 Jun 2026 12:02:30 GMT"), secs(150));
    assert_eq!(after("Mon, 01 Jun 2026 11:00:00 GMT"), secs(5), "past");
    for wrong in [
        "Mon, 31 Feb 2026 12:02:30 GMT",
        "Mon, 01 Jun 2026 25:02:30 GMT",
        "Mon, 01 Jun 2026 12:02:30 CET",
        "Mon, 01 Jun 2026 12:02 GMT",
    ] {
        assert_eq!(after(wrong), secs(5), "{wrong}");
    }
    assert_eq!(
        next(&Ok(reply(503, Some("120"))), TRIES, NOW, 0.0),
        Next::GivenUp,
        "asking does not add tries"
    );
}

#[test]
fn a_webhook_is_hopeless_after_days_and_many_tries_never_after_one_of_both() {
    let days = |n: u64| Duration::from_secs(n * 86_400);
    assert!(is_hopeless(NOW, 12, NOW.plus(days(5))));
    assert!(!is_hopeless(NOW, 500, NOW.plus(days(4))));
    assert!(!is_hopeless(NOW, 11, NOW.plus(days(50))));
}
