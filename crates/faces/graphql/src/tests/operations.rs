//! Every operation of the services has its field, or a reason why it has none.

use std::collections::BTreeSet;

use app::operations::OPERATIONS;

use super::schema_fields;

/// Which field answers an operation. A batch is answered by the field of the single one.
const ANSWERED: &[(&str, &str)] = &[
    ("identity.me", "Query.me"),
    ("identity.sessions", "OwnData.sessions"),
    ("identity.revoke_session", "Mutation.revokeSession"),
    ("identity.api_keys", "OwnData.apiKeys"),
    ("identity.create_api_key", "Mutation.createApiKey"),
    ("identity.regenerate_api_key", "Mutation.regenerateApiKey"),
    ("identity.revoke_api_key", "Mutation.revokeApiKey"),
    ("identity.communities", "Query.communities"),
    ("identity.community", "Mutation.updateCommunity"),
    ("identity.communities_of", "Query.community"),
    ("identity.community_by_slug", "Query.communityBySlug"),
    ("identity.create_community", "Mutation.createCommunity"),
    ("identity.update_community", "Mutation.updateCommunity"),
    ("identity.servers", "Community.servers"),
    ("identity.servers_of", "Community.servers"),
    ("identity.begin_install", "Mutation.connectServer"),
    ("identity.connections", "Community.connections"),
    ("identity.connections_of", "Community.connections"),
    ("identity.connection", "Mutation.chooseChannel"),
    ("identity.choose_channel", "Mutation.chooseChannel"),
    ("identity.disconnect", "Mutation.disconnect"),
    ("identity.confirm_session", "Mutation.confirmSession"),
    ("identity.passkeys", "OwnData.passkeys"),
    ("identity.rename_passkey", "Mutation.renamePasskey"),
    ("identity.remove_passkey", "Mutation.removePasskey"),
    ("identity.verifications", "OwnData.verifications"),
    ("identity.begin_link", "Mutation.linkIdentity"),
    ("identity.links", "OwnData.links"),
    ("identity.own_profile", "Mutation.updateProfile"),
    ("identity.change_profile", "Mutation.updateProfile"),
    ("identity.profile", "Query.user"),
    ("identity.profiles", "Query.user"),
    ("identity.visibility", "OwnData.visibility"),
    ("identity.change_visibility", "Mutation.setVisibility"),
    ("identity.consents", "OwnData.consents"),
    ("identity.request_export", "Mutation.requestDataExport"),
    ("identity.exports", "OwnData.dataExports"),
    ("identity.request_erasure", "Mutation.requestErasure"),
    ("identity.erasure", "OwnData.erasure"),
    ("identity.cancel_erasure", "Mutation.cancelErasure"),
    ("activity.activity_of", "User.activity"),
    (
        "identity.choose_primary_link",
        "Mutation.choosePrimaryIdentity",
    ),
    ("identity.unlink", "Mutation.unlinkIdentity"),
    ("identity.merges", "OwnData.merges"),
    ("identity.merge_preview", "Merge.preview"),
    ("identity.confirm_merge", "Mutation.confirmMerge"),
    ("identity.reject_merge", "Mutation.rejectMerge"),
    ("identity.undo_merge", "Mutation.undoMerge"),
    ("identity.request_merge", "Mutation.requestMerge"),
    ("identity.all_merges", "Query.allMerges"),
    ("identity.own_suggestions", "OwnData.suggestions"),
    (
        "identity.dismiss_own_suggestion",
        "Mutation.dismissOwnSuggestion",
    ),
    (
        "identity.restore_own_suggestion",
        "Mutation.restoreOwnSuggestion",
    ),
    ("identity.suggestions", "Query.suggestions"),
    ("identity.suggestions_of", "Query.suggestionsOfMember"),
    ("identity.dismiss_suggestion", "Mutation.dismissSuggestion"),
    ("identity.restore_suggestion", "Mutation.restoreSuggestion"),
    ("identity.all_suggestions", "Query.allSuggestions"),
    ("app.link_url", "Mutation.linkIdentity"),
    ("identity.linked_roles", "OwnData.linkedRoles"),
    ("identity.push_roles", "Mutation.pushLinkedRole"),
    ("identity.stop_roles", "Mutation.stopLinkedRole"),
    ("app.unlink", "Mutation.unlinkIdentity"),
    ("identity.roles", "Member.role"),
    ("identity.roles_of", "Member.role"),
    ("identity.set_role", "Mutation.setRole"),
    ("activity.overview", "Community.activity"),
    ("activity.overviews", "Community.activity"),
    ("activity.summary", "Community.memberCount"),
    ("activity.summaries", "Community.memberCount"),
    ("activity.members", "Community.members"),
    ("activity.members_of", "Community.members"),
    ("activity.members_at", "Query.nodes"),
    ("activity.member_count", "MemberConnection.totalCount"),
    ("activity.member_counts", "MemberConnection.totalCount"),
    ("activity.accounts", "Member.accounts"),
    ("activity.accounts_of", "Member.accounts"),
    ("activity.reputation_of", "User.reputation"),
    ("activity.reputations", "Member.reputation"),
    ("activity.reputations_of", "Member.reputation"),
    ("activity.reputation_history", "Query.reputationHistory"),
    ("activity.standings", "Query.standings"),
    ("activity.adjust_reputation", "Mutation.adjustReputation"),
    ("activity.suspicions", "Query.suspicions"),
    ("activity.suspicions_of", "Query.suspicionsOfMember"),
    ("activity.decide_suspicion", "Mutation.decideSuspicion"),
    ("activity.recent_messages", "Community.messages"),
    ("activity.recent_messages_of", "Community.messages"),
    ("activity.messages_by_id", "Query.nodes"),
    ("activity.live", "Subscription.chatMessage"),
    ("community.custom_commands", "Query.customCommands"),
    ("community.command_settings", "Query.commandSettings"),
    ("community.add_command", "Mutation.addCommand"),
    ("community.edit_command", "Mutation.editCommand"),
    ("community.remove_command", "Mutation.removeCommand"),
    ("community.set_command", "Mutation.setCommand"),
    ("app.install_url", "Mutation.connectServer"),
    ("app.channels", "Query.connectionChannels"),
    ("app.choose_channel", "Mutation.chooseChannel"),
    ("app.test_connection", "Mutation.testConnection"),
    ("app.disconnect", "Mutation.disconnect"),
    ("app.say", "Mutation.say"),
    ("deliveries.post", "Mutation.say"),
    ("deliveries.get", "Query.delivery"),
    ("deliveries.list", "Query.deliveries"),
    ("deliveries.tries_of", "Delivery.tries"),
    ("deliveries.cancel", "Mutation.cancelDelivery"),
    ("deliveries.retry", "Mutation.retryDelivery"),
    ("deliveries.edit", "Mutation.editDelivery"),
    ("deliveries.take_back", "Mutation.takeBackDelivery"),
    ("webhooks.webhooks", "Query.webhooks"),
    ("webhooks.webhook", "Query.webhook"),
    ("webhooks.create", "Mutation.createWebhook"),
    ("webhooks.change", "Mutation.changeWebhook"),
    ("webhooks.rotate", "Mutation.rotateWebhookSecret"),
    ("webhooks.pause", "Mutation.pauseWebhook"),
    ("webhooks.resume", "Mutation.resumeWebhook"),
    ("webhooks.remove", "Mutation.removeWebhook"),
    ("webhooks.messages", "Query.webhookMessages"),
    ("webhooks.message", "Query.webhookMessage"),
    ("webhooks.replay", "Mutation.replayWebhookMessage"),
    (
        "webhooks.replay_failed",
        "Mutation.replayFailedWebhookMessages",
    ),
    ("webhooks.ping", "Mutation.pingWebhook"),
    ("bots.setting", "Query.botSetting"),
    ("bots.channel", "BotSetting.moderatorChannel"),
    ("bots.choose_channel", "Mutation.chooseBotChannel"),
    ("app.choose_bot_channel", "Mutation.chooseBotChannel"),
    ("bots.change_setting", "Mutation.changeBotSetting"),
    ("bots.lists", "Query.botLists"),
    ("bots.use_list", "Mutation.useBotList"),
    ("bots.listed", "Query.botListed"),
    ("bots.corrections", "Query.botCorrections"),
    ("bots.correct", "Mutation.correctBotList"),
    ("bots.community_score", "Community.botScore"),
    ("bots.community_scores", "Community.botScore"),
    ("bots.histogram", "Query.botHistogram"),
    ("bots.history", "Query.botPredictions"),
    ("bots.recompute", "Mutation.recomputeBotScores"),
    ("bots.score_of", "Query.botAccountScore"),
    ("bots.scores", "Query.botAccountScores"),
    ("bots.scores_of", "Query.botAccountScore"),
    ("bots.what_if", "Query.botWhatIf"),
    ("bots.expected_errors", "BotWhatIf.errorsNow"),
    ("bots.cases", "Query.botCases"),
    ("bots.suspects", "BotScore.suspectedBots"),
    ("bots.suspects_of", "BotScore.suspectedBots"),
    ("bots.case", "Query.botCase"),
    ("bots.cases_by_id", "Query.botCase"),
    ("bots.next_case", "Query.nextBotCase"),
    ("bots.case_counts", "Query.botCaseCounts"),
    ("bots.look_at_case", "Mutation.lookAtBotCase"),
    ("bots.review", "Mutation.markBotReviewed"),
    ("bots.undo_review", "Mutation.undoBotReview"),
    ("bots.report", "Mutation.reportBot"),
    ("bots.label_counts", "Query.botLabelCounts"),
    ("bots.appeals", "Query.botAppeals"),
    ("bots.answer_appeal", "Mutation.answerBotAppeal"),
    ("bots.own_verdicts", "OwnData.botVerdicts"),
    ("bots.appeal", "Mutation.appealBotVerdict"),
    ("app.follow_bot_score", "Subscription.botScoreUpdated"),
    ("bots.models", "Query.botModels"),
    ("bots.model", "Query.botModel"),
    ("bots.compare_models", "BotModelFile.comparison"),
    ("bots.promote_model", "Mutation.promoteBotModel"),
    ("bots.roll_back_model", "Mutation.rollBackBotModel"),
    ("bots.retire_model", "Mutation.retireBotModel"),
    ("bots.trainings", "Query.botTrainings"),
    ("bots.training", "Query.botTraining"),
    ("bots.training_of_model", "BotModelFile.training"),
    ("bots.start_training", "Mutation.startBotTraining"),
    ("bots.rollouts", "Query.botRollouts"),
    ("bots.start_rollout", "Mutation.startBotRollout"),
    ("bots.advance_rollout", "Mutation.advanceBotRollout"),
    ("bots.halt_rollout", "Mutation.haltBotRollout"),
    ("bots.shadow", "BotModelFile.shadow"),
    ("bots.experiments", "Query.botExperiments"),
    ("bots.start_experiment", "Mutation.startBotExperiment"),
    ("bots.stop_experiment", "Mutation.stopBotExperiment"),
    ("bots.monitoring", "Query.botMonitoring"),
    ("bots.instance_monitoring", "Query.botInstanceMonitoring"),
    ("bots.alerts", "Query.botAlerts"),
    ("bots.clear_alert", "Mutation.clearBotAlert"),
    ("identity.reputation_weights", "Query.reputationWeights"),
    (
        "identity.set_reputation_weights",
        "Mutation.setReputationWeights",
    ),
];

const TYPED: &str = "what people type to prove who they are goes through the dashboard and REST, which slow down guessing";
const SHOWN_ONCE: &str =
    "shows a secret once; the dashboard and REST do, in steps that belong together";
const COMMAND_LINE: &str = "for who sits at the machine: the command line does it";
const COMES_BACK: &str = "a browser comes back from a provider to the dashboard";
const IMPORTS: &str = "imports run from the command line, which reads the file";
const PROGRAM: &str = "a part of the program does it within its own work";
const ADMIN_PAGES: &str =
    "operating the instance is done on the pages under /admin, beside its logs and metrics";
const CEREMONY: &str = "a ceremony of the browser; the pages with its script do it";

const FILES: &str = "files come in by the command line and are fetched over HTTP";
const LISTS: &str = "what holds for all communities is said over REST";

/// Operations without a field, and why.
const NOT_IN_GRAPHQL: &[(&str, &str)] = &[
    (
        "activity.messages_of_account",
        "the page of a case shows them to who decides it; `messages` has everybody's",
    ),
    (
        "bots.waiting_reports",
        "moderators look through what waits over REST; `BotCase.reports` has those that opened a case",
    ),
    (
        "bots.waiting",
        "the menu of the pages counts by it; `botCases`, `botAppeals` and the event `bots.burst` tell it in whole",
    ),
    (
        "bots.recent_score",
        "the same as `Community.botScore`, some seconds old, for a page that shows it beside other things",
    ),
    ("identity.change_password", TYPED),
    ("identity.issue_sign_in_link", COMMAND_LINE),
    ("identity.create_admin", COMMAND_LINE),
    ("identity.reset_password", COMMAND_LINE),
    ("identity.find_by_email", COMMAND_LINE),
    ("identity.find_or_create_community", IMPORTS),
    (
        "identity.connect_server",
        "a server is connected by who can install us there: `connectServer`",
    ),
    ("identity.redeem_install", COMES_BACK),
    ("identity.finish_install", COMES_BACK),
    ("identity.second_factor", SHOWN_ONCE),
    ("identity.begin_totp", SHOWN_ONCE),
    ("identity.confirm_totp", SHOWN_ONCE),
    ("identity.disable_totp", SHOWN_ONCE),
    ("identity.renew_recovery_codes", SHOWN_ONCE),
    ("identity.begin_passkey", CEREMONY),
    ("identity.add_passkey", CEREMONY),
    ("identity.begin_passkey_confirmation", CEREMONY),
    ("identity.confirm_with_passkey", CEREMONY),
    ("identity.reset_second_factor", COMMAND_LINE),
    ("identity.email_status", TYPED),
    ("identity.begin_email", TYPED),
    ("identity.confirm_email", TYPED),
    ("app.send_email_code", TYPED),
    ("identity.redeem_state", COMES_BACK),
    ("identity.finish_link", COMES_BACK),
    ("app.complete_sign_in", COMES_BACK),
    ("app.complete_install", COMES_BACK),
    (
        "identity.confirmation",
        "tells a page which proof to ask for; `confirmSession` takes either",
    ),
    ("identity.begin_chat_code", SHOWN_ONCE),
    ("app.chat_code", SHOWN_ONCE),
    ("identity.take_export", "files are fetched over HTTP"),
    ("app.fetch_export", "files are fetched over HTTP"),
    (
        "activity.own_feed",
        "everything one ever wrote is read on one's own page and in the export of one's data",
    ),
    (
        "activity.own_reputation",
        "`me { reputation }` has the score; the badges are on one's own page",
    ),
    (
        "activity.member_card",
        "`Member` has what it shows but the badges, which are on the member's page",
    ),
    (
        "activity.retention_preview",
        "a page shows it before somebody removes messages for good",
    ),
    ("activity.purge", COMMAND_LINE),
    ("activity.begin_import", IMPORTS),
    ("activity.finish_import", IMPORTS),
    ("activity.imports", IMPORTS),
    ("activity.stream_since", PROGRAM),
    ("activity.channel_names", PROGRAM),
    (
        "app.link_for_roles_url",
        "begins on the page that says what will be told",
    ),
    ("community.find_command", PROGRAM),
    ("community.use_command", PROGRAM),
    ("activity.quarantined", ADMIN_PAGES),
    ("activity.quarantined_count", ADMIN_PAGES),
    ("app.answer_to", PROGRAM),
    ("deliveries.post_once_in", PROGRAM),
    ("deliveries.post_in", PROGRAM),
    ("deliveries.post_many", PROGRAM),
    ("deliveries.post_many_in", PROGRAM),
    ("app.status", ADMIN_PAGES),
    ("app.api_usage", ADMIN_PAGES),
    ("app.dead_letters", ADMIN_PAGES),
    ("app.replay_job", ADMIN_PAGES),
    ("app.discard_job", ADMIN_PAGES),
    ("app.outbox", ADMIN_PAGES),
    ("app.outbox_mail", ADMIN_PAGES),
    ("app.audit", ADMIN_PAGES),
    ("app.verify_audit", ADMIN_PAGES),
    ("bots.import_list", FILES),
    ("bots.remove_list", LISTS),
    ("bots.correct_everywhere", LISTS),
    ("bots.infer", "features go in over REST: `POST /bots/score`"),
    (
        "bots.called",
        "chat says names and mentions; elsewhere an account has an id",
    ),
    ("bots.import_labels", FILES),
    (
        "app.follow_training",
        "the page of a training follows it; `botTraining` asked again tells the same",
    ),
    (
        "app.follow_case",
        "the page of a case follows it; `botCase` asked again tells the same",
    ),
    ("bots.add_model", FILES),
    ("bots.model_file", FILES),
    (
        "app.company",
        "only the demonstration has a company on stage",
    ),
    ("app.speak", "only the demonstration has a company on stage"),
];

#[test]
fn every_operation_has_its_field_or_a_reason() {
    let names: BTreeSet<&str> = OPERATIONS.iter().map(|operation| operation.name).collect();
    let mut decided = BTreeSet::new();
    for (name, _) in ANSWERED.iter().chain(NOT_IN_GRAPHQL) {
        assert!(names.contains(name), "{name} is no operation any more");
        assert!(decided.insert(*name), "{name} is decided twice");
    }
    let open: Vec<_> = names
        .iter()
        .filter(|name| !decided.contains(*name))
        .collect();
    assert!(
        open.is_empty(),
        "give these a field, or say why not: {open:?}"
    );
}

#[test]
fn the_fields_that_answer_operations_are_there() {
    let fields = schema_fields();
    let is_there = |path: &str| {
        let (on, name) = path.split_once('.').unwrap();
        fields.get(on).is_some_and(|of| of.contains_key(name))
    };
    let gone: Vec<_> = ANSWERED
        .iter()
        .filter(|(_, path)| !is_there(path))
        .collect();
    assert!(gone.is_empty(), "{gone:?}");
}
