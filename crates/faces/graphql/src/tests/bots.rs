//! The detection of bots through the API: the roadmap's own documents, the queue of a moderator, and what a person can say
//! against having been called a bot.

use std::time::Duration;

use kernel::{CommunityId, Role, UserId};
use serde_json::{Value, json};
use testkit::{World, on_both};

use super::{Client, code, sse};

/// The first client example of the roadmap, word for word.
const GET_COMMUNITY_BOT_SCORE: &str = "
  query GetCommunityBotScore($communityId: Int!) {
    community(communityId: $communityId) {
      id
      name
      botScore {
        overallScore
        grade
        componentScores
        suspectedBots(minConfidence: 70) {
          hubUserId
          platformUsername
          confidenceScore
          detectedAt
        }
      }
    }
  }
";

/// The second one.
const BOT_SCORE_SUBSCRIPTION: &str = "
  subscription OnBotScoreUpdated($communityId: Int!) {
    botScoreUpdated(communityId: $communityId) {
      overallScore
      grade
      calculatedAt
    }
  }
";

/// An open case about somebody, of so many per cent.
async fn suspect(world: &World, community: CommunityId, user: UserId, percent: u32) -> i64 {
    let ppm = percent * 10_000;
    world
        .sql(&format!(
            "INSERT INTO bot_case (community_id, account_id, state, reasons, probability_ppm, value_ppm, opened_at, \
             changed_at, revision) SELECT {community}, MIN(id), 0, 1, {ppm}, 500000, 0, 0, 1 \
             FROM platform_account WHERE user_id = {user}"
        ))
        .await;
    world.number("SELECT MAX(id) FROM bot_case").await
}

on_both! {
    async fn the_roadmaps_query_runs_word_for_word(world: World) {
        let pond = world.community("Pond").await;
        let mike = world.person(pond, "mike", Some(Role::Moderator)).await;
        for name in ["ann", "spam", "maybe"] {
            world.say(pond, name, "quack").await;
        }
        let spam = world.user_of(pond, "spam").await;
        let maybe = world.user_of(pond, "maybe").await;
        suspect(&world, pond, spam, 93).await;
        suspect(&world, pond, maybe, 60).await;
        let variables = json!({ "communityId": pond.0 });
        let client = Client::of(&world, &mike).await;
        let answer = client.ask(GET_COMMUNITY_BOT_SCORE, variables.clone()).await;
        let found = &answer["data"]["community"];
        assert_eq!(found["name"], "Pond", "{answer}");
        let score = &found["botScore"];
        // One of three who wrote is open and likely, and nothing tells of moderation: only the first is known.
        assert_eq!(score["componentScores"], json!({
            "bad_actor": 0, "reputation": null, "security": null, "ai_behavioral": null,
        }), "{answer}");
        assert_eq!((&score["overallScore"], &score["grade"]), (&Value::Null, &Value::Null), "of one part alone nothing is said");
        assert_eq!(score["suspectedBots"], json!([{
            "hubUserId": spam.0, "platformUsername": "spam", "confidenceScore": 93,
            "detectedAt": "1970-01-01T00:00:00.000Z",
        }]));
        let shares = "query Q($communityId: Int!) {
          community(communityId: $communityId) {
            botScore { activeMembers likelyBots messages likelyBotMessages }
          }
          standings(communityId: $communityId) { leaders { userId } atRisk { userId doubt } }
        }";
        let answer = client.ask(shares, variables.clone()).await;
        assert_eq!(answer["data"]["community"]["botScore"], json!({
            "activeMembers": 3, "likelyBots": 1, "messages": 3, "likelyBotMessages": 1,
        }), "{answer}");
        assert_eq!(answer["data"]["standings"]["atRisk"], json!([{ "userId": spam.0, "doubt": "likely_bot" }]));
        let member = world.person(pond, "mia", Some(Role::Member)).await;
        let client = Client::of(&world, &member).await;
        let answer = client.ask(GET_COMMUNITY_BOT_SCORE, variables).await;
        assert_eq!(answer["data"]["community"]["botScore"]["componentScores"]["bad_actor"], 0);
        assert_eq!(answer["data"]["community"]["botScore"]["suspectedBots"], Value::Null);
        assert_eq!(code(&answer), "FORBIDDEN", "who is suspected is for moderators");
    }

    async fn the_roadmaps_subscription_tells_the_score_and_then_each_change(world: World) {
        let pond = world.community("Pond").await;
        let mia = world.person(pond, "mia", Some(Role::Member)).await;
        world.say(pond, "spam", "quack").await;
        let spam = world.user_of(pond, "spam").await;
        let case = suspect(&world, pond, spam, 93).await;
        let client = Client::of(&world, &mia).await;
        let mut events = sse::open(&client, BOT_SCORE_SUBSCRIPTION, json!({ "communityId": pond.0 })).await;
        let (_, first) = events.next().await.unwrap();
        assert_eq!(first["data"]["botScoreUpdated"]["overallScore"], Value::Null, "of one part alone nothing is said: {first}");
        world.clock.advance(Duration::from_secs(2));
        let new = ::bots::NewReview { verdict: ::bots::Verdict::Human, reason: String::new(), revision: None };
        let id = i32::try_from(case).unwrap();
        world.app.bots.review(&world.system(), pond, id, &new).await.unwrap();
        let (_, second) = events.next().await.unwrap();
        let told = |event: &Value| event["data"]["botScoreUpdated"]["calculatedAt"].as_str().map(str::to_owned);
        assert!(told(&second) > told(&first), "{second}");
        world.app.identity.set_role(&world.system(), pond, mia.user, Some(Role::Banned)).await.unwrap();
        world.clock.advance(Duration::from_secs(2));
        world.app.bots.undo_review(&world.system(), pond, id).await.unwrap();
        let (name, _) = events.next().await.unwrap();
        assert_eq!(name, "complete", "whoever is banned hears no more");
        world.expect_leftovers();
    }

    async fn a_moderator_decides_takes_back_and_the_other_answer_is_refused_until_then(world: World) {
        let pond = world.community("Pond").await;
        let mike = world.person(pond, "mike", Some(Role::Moderator)).await;
        world.say(pond, "spam", "quack").await;
        let spam = world.user_of(pond, "spam").await;
        let case = suspect(&world, pond, spam, 93).await;
        let client = Client::of(&world, &mike).await;
        let ids = json!({ "pond": pond.0, "case": case });
        let mark = |is_false_positive: bool| format!(
            "mutation($pond: Int!, $case: Int!) {{ markBotReviewed(communityId: $pond, botId: $case, \
             isFalsePositive: {is_false_positive}) {{ id isFalsePositive }} }}"
        );
        let answer = client.ask(&mark(false), ids.clone()).await;
        let expected = json!({ "id": case, "isFalsePositive": false });
        assert_eq!(answer["data"]["markBotReviewed"], expected, "{answer}");
        let answer = client.ask(&mark(true), ids.clone()).await;
        assert_eq!(code(&answer), "CONFLICT", "{answer}");
        let undo = "mutation($pond: Int!, $case: Int!) { undoBotReview(communityId: $pond, id: $case) { state revision } }";
        let answer = client.ask(undo, ids.clone()).await;
        assert_eq!(answer["data"]["undoBotReview"]["state"], "OPEN", "{answer}");
        let late = "mutation($pond: Int!, $case: Int!) {
            reviewBotCase(communityId: $pond, id: $case, verdict: HUMAN, reason: \"I know her\", revision: 1) { state }
        }";
        let answer = client.ask(late, ids.clone()).await;
        assert_eq!(code(&answer), "CONFLICT", "another revision was seen: {answer}");
        let answer = client.ask(&late.replace("revision: 1", "revision: 3"), ids.clone()).await;
        assert_eq!(answer["data"]["reviewBotCase"]["state"], "HUMAN", "{answer}");
        let file = "query($pond: Int!, $case: Int!) {
            botCase(communityId: $pond, id: $case) { reviews { verdict reason undoneAt } }
            botCaseCounts(communityId: $pond) { open human }
        }";
        let answer = client.ask(file, ids).await;
        let reviews = answer["data"]["botCase"]["reviews"].as_array().unwrap();
        assert_eq!((reviews.len(), &reviews[0]["reason"]), (2, &json!("I know her")), "{answer}");
        assert!(reviews[1]["undoneAt"].is_string());
        assert_eq!(answer["data"]["botCaseCounts"], json!({ "open": 0, "human": 1 }));
        world.expect_leftovers();
    }

    async fn thresholds_change_alone_and_what_makes_no_sense_names_its_field(world: World) {
        let pond = world.community("Pond").await;
        let olga = world.person(pond, "olga", Some(Role::Owner)).await;
        let client = Client::of(&world, &olga).await;
        let change = "mutation($pond: Int!, $input: BotSettingInput!) {
            changeBotSetting(communityId: $pond, input: $input) {
                likely possible isDryRun exemptRole trustedDays trustedScore
            }
        }";
        let input = json!({ "likely": 87.5, "exemptRole": null, "trustedDays": 7 });
        let answer = client.ask(change, json!({ "pond": pond.0, "input": input })).await;
        assert_eq!(answer["data"]["changeBotSetting"], json!({
            "likely": 87.5, "possible": 50.0, "isDryRun": false, "exemptRole": null, "trustedDays": 7,
            "trustedScore": 740,
        }), "{answer}");
        let input = json!({ "possible": 90 });
        let answer = client.ask(change, json!({ "pond": pond.0, "input": input })).await;
        assert_eq!(code(&answer), "BAD_USER_INPUT");
        assert_eq!(answer["errors"][0]["extensions"]["field"], "possible", "{answer}");
        let input = json!({ "likely": 101 });
        let answer = client.ask(change, json!({ "pond": pond.0, "input": input })).await;
        assert_eq!(code(&answer), "BAD_USER_INPUT", "{answer}");
    }

    async fn whoever_was_called_a_bot_says_no_and_another_moderator_grants_it(world: World) {
        let pond = world.community("Pond").await;
        let (mike, mona) = (
            world.person(pond, "mike", Some(Role::Moderator)).await,
            world.person(pond, "mona", Some(Role::Moderator)).await,
        );
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        world.say(pond, "ann", "quack").await;
        let said = world.user_of(pond, "ann").await;
        world.sql(&format!("UPDATE platform_account SET user_id = {} WHERE user_id = {said}", ann.user)).await;
        let case = suspect(&world, pond, ann.user, 80).await;
        let ids = json!({ "pond": pond.0, "case": case });
        let mark = "mutation($pond: Int!, $case: Int!) {
            reviewBotCase(communityId: $pond, id: $case, verdict: BOT) { state }
        }";
        Client::of(&world, &mike).await.ask(mark, ids.clone()).await;
        let client = Client::of(&world, &ann).await;
        let own = "{ me { own { botVerdicts { caseId appeals { state answer } } } } }";
        let answer = client.ask(own, json!({})).await;
        let verdicts = &answer["data"]["me"]["own"]["botVerdicts"];
        assert_eq!(verdicts, &json!([{ "caseId": case, "appeals": [] }]), "{answer}");
        let appeal = "mutation($case: Int!) { appealBotVerdict(caseId: $case, words: \"I am not\") }";
        let answer = client.ask(appeal, json!({ "case": case })).await;
        let appeal = answer["data"]["appealBotVerdict"].clone();
        assert!(appeal.is_number(), "{answer}");
        let grant = "mutation($pond: Int!, $appeal: Int!) {
            answerBotAppeal(communityId: $pond, id: $appeal, state: GRANTED, words: \"sorry\")
        }";
        let mona = Client::of(&world, &mona).await;
        let answer = mona.ask(grant, json!({ "pond": pond.0, "appeal": appeal })).await;
        assert_eq!(answer["data"]["answerBotAppeal"], true, "{answer}");
        let answer = client.ask(&own.replace("caseId", "stands"), json!({})).await;
        let appeals = json!([{ "state": "GRANTED", "answer": "sorry" }]);
        let verdicts = &answer["data"]["me"]["own"]["botVerdicts"];
        assert_eq!(verdicts, &json!([{ "stands": false, "appeals": appeals }]), "{answer}");
        world.expect_leftovers();
    }
}
