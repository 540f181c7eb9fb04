//! Addresses of earlier versions.

use kernel::Role;
use serde_json::json;
use testkit::on_both;

use super::Client;

on_both! {
    async fn an_old_address_answers_like_the_present_one_and_says_where_that_is(world: World) {
        let pond = world.community("Pond").await;
        let mona = world.person(pond, "mona", Some(Role::Moderator)).await;
        let ann = world.person(pond, "ann", Some(Role::Member)).await;
        world.say(pond, "bob", "quack").await;
        world.sql("UPDATE users SET claimed_at = 1").await;
        let (moderator, member) = (Client::of(&world, &mona).await, Client::of(&world, &ann).await);
        for (old, new) in [
            ("/user/identities".to_owned(), "/users/me/identities".to_owned()),
            (format!("/community/{pond}"), format!("/communities/{pond}")),
            (format!("/community/{pond}/chat/history"), format!("/communities/{pond}/messages")),
            (format!("/admin/{pond}/members/{}", ann.user), format!("/communities/{pond}/members/{}", ann.user)),
            (format!("/admin/{pond}/reputation/leaderboard"), format!("/communities/{pond}/reputation/leaderboard")),
            (format!("/admin/{pond}/reputation/at-risk"), format!("/communities/{pond}/reputation/at-risk")),
        ] {
            let (there, here) = (moderator.get(&old).await.expect(200), moderator.get(&new).await.expect(200));
            assert_eq!(there.json, here.json, "{old}");
            assert!(there.header("deprecation").starts_with('@'), "{old}");
            assert_eq!(there.header("link"), format!("</api/v1{new}>; rel=\"successor-version\""));
            assert!(here.header("deprecation").is_empty());
        }
        member.get(&format!("/admin/{pond}/members")).await.expect(403);
        let page = moderator.get(&format!("/admin/{pond}/members?sort=name&ascending=true&limit=1")).await.expect(200);
        assert_eq!(page.json["items"][0]["name"], "ann");
        let links = page.headers.get_all("link").iter().count();
        assert_eq!(links, 2, "the next page, and the successor");
        let refused = member.ask(axum::http::Method::PUT, "/user/identities", None).await.expect(405);
        assert_eq!(refused.header("allow"), "GET,HEAD");
        // By the provider, as it was.
        member.put("/user/identities/primary", json!({ "platform": "campus" })).await.expect(404);
        world.sql(&format!(
            "INSERT INTO identity_link (user_id, provider, subject, username, scopes, linked_at, last_used_at) VALUES ({}, 'campus', '9', 'ann', '', 1, 1)",
            ann.user
        )).await;
        let chosen = member.put("/user/identities/primary", json!({ "platform": "campus" })).await.expect(200);
        assert_eq!((&chosen.json["platform"], &chosen.json["is_primary"]), (&json!("campus"), &json!(true)));
        assert_eq!(member.get("/user/identities/primary").await.expect(200).json, chosen.json);
        // There is none linked.
        member.delete("/user/identities/discord").await.expect(404);
        member.patch("/user/profile", json!({ "bio": "Ducks." })).await.expect(200);
        let own = member.get("/users/me").await.expect(200);
        assert_eq!(own.json["bio"], "Ducks.");
    }
}
