//! Who may ask for which field, with ids of others: every field of a type with rights, every change and
//! every subscription, as every kind of viewer. A field without a row fails here.

use std::collections::{BTreeMap, BTreeSet};

use identity::{Arrival, Intent, KeyScope, NewApiKey};
use kernel::{CommunityId, MessageId, Proof, Role, Secret, UserId};
use serde_json::{Value, json};
use testkit::{World, on_both};

use super::{Client, code, schema_fields, sse};

/// The weakest viewer who gets an answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Least {
    /// Everybody.
    Anybody,
    /// Who is signed in, about themselves.
    SignedIn,
    /// A member of the community.
    Member,
    /// Who shares a community with the person, and administrators of the instance only if they do.
    Sharer,
    /// A moderator.
    Moderator,
    /// An admin.
    Admin,
    /// An administrator of the instance.
    Instance,
    /// Nobody but the person whose it is, who does not ask here.
    Owner,
}
use Least::{Admin, Anybody, Instance, Member, Moderator, Owner, Sharer, SignedIn};

/// Types whose fields are all for whoever got that far: their rights are those of the fields that lead to
/// them.
const WITHOUT_RIGHTS: &[&str] = &[
    "Account",
    "Activity",
    "ApiKey",
    "BotAccountScore",
    "BotAccountScoreConnection",
    "BotAccountScoreEdge",
    "BotAlert",
    "BotAppeal",
    "BotAppealConnection",
    "BotAppealEdge",
    "BotArmResult",
    "BotCalledBy",
    "BotCase",
    "BotCaseConnection",
    "BotCaseCounts",
    "BotCaseEdge",
    "BotCaseFile",
    "BotCause",
    "BotComparedMetric",
    "BotConfirmed",
    "BotCorrection",
    "BotCorrectionConnection",
    "BotCorrectionEdge",
    "BotDiffering",
    "BotDrift",
    "BotErrorRates",
    "BotEstimate",
    "BotExpectedErrors",
    "BotExperiment",
    "BotFlagged",
    "BotHistogram",
    "BotLabelCount",
    "BotList",
    "BotListed",
    "BotListing",
    "BotModel",
    "BotModelComparison",
    "BotModelConnection",
    "BotModelEdge",
    "BotModelFile",
    "BotModeratorChannel",
    "BotMonitoring",
    "BotPrediction",
    "BotReport",
    "BotReview",
    "BotRollout",
    "BotRolloutGuards",
    "BotSetting",
    "BotShadow",
    "BotTraining",
    "BotWeek",
    "BotWhatIf",
    "Channel",
    "ChatMessageConnection",
    "ChatMessageEdge",
    "Cohort",
    "CommandSetting",
    "CommunityConnection",
    "CommunityEdge",
    "Connection",
    "ConnectionTest",
    "Consent",
    "CustomCommand",
    "DataExport",
    "DayActivity",
    "DeliveryAttempt",
    "DeliveryConnection",
    "DeliveryEdge",
    "Erasure",
    "EventCount",
    "Identity",
    "InstallStart",
    "Link",
    "LinkStart",
    "LinkedRole",
    "MadeKey",
    "MadeWebhook",
    "Measure",
    "MemberConnection",
    "MemberEdge",
    "MergeCard",
    "MergeCount",
    "MergePreview",
    "MergedRole",
    "OwnBotVerdict",
    "OwnSuggestion",
    "PageInfo",
    "Passkey",
    "PlatformActivity",
    "PlatformMessages",
    "RateLimit",
    "Reputation",
    "ReputationChange",
    "ReputationChangeConnection",
    "ReputationChangeEdge",
    "ReputationWeight",
    "Server",
    "Session",
    "Standing",
    "Standings",
    "Suggestion",
    "SuggestionConnection",
    "SuggestionEdge",
    "SuggestionParty",
    "SuggestionSign",
    "SuspectedBot",
    "Suspicion",
    "SuspicionConnection",
    "SuspicionEdge",
    "UserActivity",
    "Verification",
    "Visibility",
    "Webhook",
    "WebhookMessage",
    "WebhookMessagePage",
    "WebhookTry",
];

/// A field with its arguments and what to ask of it. `$pond` and the like stand for ids of others.
type Row = (&'static str, Least, &'static str);

const QUERY: &[Row] = &[
    ("me", SignedIn, "me { id }"),
    ("user", Sharer, "user(id: $target) { id }"),
    ("community", Member, "community(communityId: $pond) { id }"),
    (
        "communityBySlug",
        Member,
        "communityBySlug(slug: \"pond\") { id }",
    ),
    ("rateLimit", Anybody, "rateLimit { cost }"),
    ("communities", SignedIn, "communities { id }"),
    (
        "communitiesConnection",
        SignedIn,
        "communitiesConnection { nodes { id } }",
    ),
    ("node", Member, "node(id: $messageNode) { nodeId }"),
    ("nodes", Anybody, "nodes(ids: [$messageNode]) { nodeId }"),
    (
        "deliveries",
        Moderator,
        "deliveries(communityId: $pond) { nodes { id } }",
    ),
    ("delivery", Moderator, "delivery(id: \"$delivery\") { id }"),
    (
        "customCommands",
        Member,
        "customCommands(communityId: $pond) { id }",
    ),
    (
        "commandSettings",
        Member,
        "commandSettings(communityId: $pond) { name }",
    ),
    (
        "connectionChannels",
        Admin,
        "connectionChannels(connectionId: $connection) { id }",
    ),
    (
        "suggestions",
        Moderator,
        "suggestions(communityId: $pond) { nodes { id } }",
    ),
    (
        "suggestionsOfMember",
        Moderator,
        "suggestionsOfMember(communityId: $pond, userId: $target) { id }",
    ),
    ("allSuggestions", Instance, "allSuggestions { id }"),
    (
        "suspicions",
        Moderator,
        "suspicions(communityId: $pond) { nodes { id } }",
    ),
    (
        "suspicionsOfMember",
        Moderator,
        "suspicionsOfMember(communityId: $pond, userId: $target) { id }",
    ),
    (
        "standings",
        Moderator,
        "standings(communityId: $pond) { leaders { userId } }",
    ),
    (
        "reputationHistory",
        Moderator,
        "reputationHistory(communityId: $pond, userId: $target) { nodes { at } }",
    ),
    ("allMerges", Instance, "allMerges { id }"),
    (
        "reputationWeights",
        Moderator,
        "reputationWeights(communityId: $pond) { reason }",
    ),
    ("webhooks", Admin, "webhooks(communityId: $pond) { id }"),
    ("webhook", Admin, "webhook(id: $hook) { id }"),
    (
        "webhookMessages",
        Admin,
        "webhookMessages(webhookId: $hook) { nodes { id } }",
    ),
    (
        "webhookMessage",
        Admin,
        "webhookMessage(id: \"$sent\") { id }",
    ),
    (
        "botCases",
        Moderator,
        "botCases(communityId: $pond) { nodes { id } }",
    ),
    (
        "botCase",
        Moderator,
        "botCase(communityId: $pond, id: $case) { case { id } }",
    ),
    (
        "nextBotCase",
        Moderator,
        "nextBotCase(communityId: $pond) { id }",
    ),
    (
        "botCaseCounts",
        Moderator,
        "botCaseCounts(communityId: $pond) { open }",
    ),
    (
        "botAccountScores",
        Moderator,
        "botAccountScores(communityId: $pond) { nodes { confidence } }",
    ),
    (
        "botAccountScore",
        Moderator,
        "botAccountScore(communityId: $pond, userId: $target) { confidence }",
    ),
    (
        "botPredictions",
        Moderator,
        "botPredictions(communityId: $pond, accountId: \"$low\") { id }",
    ),
    (
        "botHistogram",
        Moderator,
        "botHistogram(communityId: $pond) { likely }",
    ),
    (
        "botWhatIf",
        Moderator,
        "botWhatIf(communityId: $pond, likely: 90, possible: 40) { newlyCount }",
    ),
    (
        "botSetting",
        Moderator,
        "botSetting(communityId: $pond) { likely }",
    ),
    ("botLists", Moderator, "botLists(communityId: $pond) { id }"),
    (
        "botCorrections",
        Moderator,
        "botCorrections(communityId: $pond) { nodes { name } }",
    ),
    (
        "botListed",
        Moderator,
        "botListed(communityId: $pond, name: \"harm.example\") { listings { list } }",
    ),
    (
        "botLabelCounts",
        Moderator,
        "botLabelCounts(communityId: $pond) { count }",
    ),
    (
        "botAppeals",
        Moderator,
        "botAppeals(communityId: $pond) { nodes { id } }",
    ),
    ("botModels", Instance, "botModels { nodes { id } }"),
    (
        "botModel",
        Instance,
        "botModel(id: $model) { model { id } training { id } comparison(otherId: $model) { other { id } } shadow { since } }",
    ),
    ("botTrainings", Instance, "botTrainings { id }"),
    ("botTraining", Instance, "botTraining(id: $training) { id }"),
    ("botRollouts", Instance, "botRollouts { id }"),
    (
        "botExperiments",
        Instance,
        "botExperiments { id arms { arm } }",
    ),
    (
        "botMonitoring",
        Moderator,
        "botMonitoring(communityId: $pond) { weeks { monday } }",
    ),
    (
        "botInstanceMonitoring",
        Instance,
        "botInstanceMonitoring { weeks { monday } }",
    ),
    ("botAlerts", Instance, "botAlerts { id }"),
];

const COMMUNITY: &[Row] = &[
    ("id", Member, "id"),
    ("nodeId", Member, "nodeId"),
    ("slug", Member, "slug"),
    ("name", Member, "name"),
    ("description", Member, "description"),
    ("platform", Member, "platform"),
    ("memberCount", Member, "memberCount"),
    ("lastSeenAt", Member, "lastSeenAt"),
    ("createdAt", Member, "createdAt"),
    ("role", Member, "role"),
    ("servers", Member, "servers { id }"),
    ("connections", Admin, "connections { id }"),
    ("members", Moderator, "members { nodes { userId } }"),
    ("activity", Member, "activity { members }"),
    ("botScore", Member, "botScore { grade }"),
    ("messages", Member, "messages { id }"),
    (
        "messagesConnection",
        Member,
        "messagesConnection { nodes { id } }",
    ),
];

const BOT_SCORE: &[Row] = &[
    ("communityId", Member, "communityId"),
    ("overallScore", Member, "overallScore"),
    ("grade", Member, "grade"),
    ("sizeCategory", Member, "sizeCategory"),
    ("componentScores", Member, "componentScores"),
    ("activeMembers", Member, "activeMembers"),
    ("likelyBots", Member, "likelyBots"),
    ("messages", Member, "messages"),
    ("likelyBotMessages", Member, "likelyBotMessages"),
    ("calculatedAt", Member, "calculatedAt"),
    ("suspectedBots", Moderator, "suspectedBots { id }"),
];

const MEMBER: &[Row] = &[
    ("nodeId", Moderator, "nodeId"),
    ("userId", Moderator, "userId"),
    ("name", Moderator, "name"),
    ("platforms", Moderator, "platforms"),
    ("firstSeenAt", Moderator, "firstSeenAt"),
    ("lastSeenAt", Moderator, "lastSeenAt"),
    ("messageCount", Moderator, "messageCount"),
    ("activeDays", Moderator, "activeDays"),
    ("role", Moderator, "role"),
    ("user", Moderator, "user { id }"),
    ("reputation", Moderator, "reputation { score }"),
    ("accounts", Moderator, "accounts { id }"),
];

const MESSAGE: &[Row] = &[
    ("id", Member, "id"),
    ("nodeId", Member, "nodeId"),
    ("communityId", Member, "communityId"),
    ("platform", Member, "platform"),
    ("channel", Member, "channel"),
    ("userId", Member, "userId"),
    ("username", Member, "username"),
    ("isBot", Member, "isBot"),
    ("text", Member, "text"),
    ("sentAt", Member, "sentAt"),
    ("afterGap", Member, "afterGap"),
];

const USER: &[Row] = &[
    ("id", Sharer, "id"),
    ("nodeId", Sharer, "nodeId"),
    ("hubUserId", Sharer, "hubUserId"),
    ("displayName", Sharer, "displayName"),
    ("username", Sharer, "username"),
    ("handle", Sharer, "handle"),
    ("bio", Sharer, "bio"),
    ("website", Sharer, "website"),
    ("location", Sharer, "location"),
    ("email", Owner, "email"),
    ("avatarUrl", Sharer, "avatarUrl"),
    ("isInstanceAdmin", Owner, "isInstanceAdmin"),
    ("createdAt", Sharer, "createdAt"),
    ("identities", Sharer, "identities { id }"),
    ("reputation", Owner, "reputation { score }"),
    ("activity", Sharer, "activity { messages }"),
    ("communities", Sharer, "communities { id }"),
    (
        "communitiesConnection",
        Sharer,
        "communitiesConnection { nodes { id } }",
    ),
    ("own", Owner, "own { links { id } }"),
];

const OWN: &[Row] = &[
    ("links", SignedIn, "links { id }"),
    ("merges", SignedIn, "merges { id }"),
    ("visibility", SignedIn, "visibility { platform }"),
    ("consents", SignedIn, "consents { subject }"),
    ("dataExports", SignedIn, "dataExports { id }"),
    ("erasure", SignedIn, "erasure { dueAt }"),
    ("verifications", SignedIn, "verifications { at }"),
    ("sessions", SignedIn, "sessions { id }"),
    ("apiKeys", SignedIn, "apiKeys { id }"),
    ("passkeys", SignedIn, "passkeys { id }"),
    ("botVerdicts", SignedIn, "botVerdicts { caseId }"),
    ("linkedRoles", SignedIn, "linkedRoles { linkId }"),
    ("suggestions", SignedIn, "suggestions { username }"),
];

const DELIVERY: &[Row] = &[
    ("id", Moderator, "id"),
    ("communityId", Moderator, "communityId"),
    ("medium", Moderator, "medium"),
    ("server", Moderator, "server"),
    ("channel", Moderator, "channel"),
    ("key", Moderator, "key"),
    ("text", Moderator, "text"),
    ("state", Moderator, "state"),
    ("dueAt", Moderator, "dueAt"),
    ("notAfter", Moderator, "notAfter"),
    ("attempts", Moderator, "attempts"),
    ("messageId", Moderator, "messageId"),
    ("wasCut", Moderator, "wasCut"),
    ("isConfirmed", Moderator, "isConfirmed"),
    ("trouble", Moderator, "trouble"),
    ("requestedBy", Moderator, "requestedBy"),
    ("createdAt", Moderator, "createdAt"),
    ("finishedAt", Moderator, "finishedAt"),
    ("tries", Moderator, "tries { n }"),
];

const MERGE: &[Row] = &[
    ("id", Instance, "id"),
    ("keptUserId", Instance, "keptUserId"),
    ("mergedUserId", Instance, "mergedUserId"),
    ("state", Instance, "state"),
    ("requestedAt", Instance, "requestedAt"),
    ("expiresAt", Instance, "expiresAt"),
    ("keptConfirmedAt", Instance, "keptConfirmedAt"),
    ("mergedConfirmedAt", Instance, "mergedConfirmedAt"),
    ("settledAt", Instance, "settledAt"),
    ("undoUntil", Instance, "undoUntil"),
    ("preview", Instance, "preview { kept { userId } }"),
];

/// The types with rights: how to come to one of somebody else, where it is in the answer, and its rows.
const TYPES: &[(&str, &str, &str, &[Row])] = &[
    ("Query", "{ $field }", "/data", QUERY),
    (
        "Community",
        "{ community(communityId: $pond) { $field } }",
        "/data/community",
        COMMUNITY,
    ),
    (
        "Member",
        "{ community(communityId: $pond) { members(search: \"target\") { nodes { $field } } } }",
        "/data/community/members/nodes/0",
        MEMBER,
    ),
    (
        "BotScore",
        "{ community(communityId: $pond) { botScore { $field } } }",
        "/data/community/botScore",
        BOT_SCORE,
    ),
    (
        "ChatMessage",
        "{ community(communityId: $pond) { messages { $field } } }",
        "/data/community/messages/0",
        MESSAGE,
    ),
    (
        "User",
        "{ user(id: $target) { $field } }",
        "/data/user",
        USER,
    ),
    ("OwnData", "{ me { own { $field } } }", "/data/me/own", OWN),
    (
        "Delivery",
        "{ delivery(id: \"$delivery\") { $field } }",
        "/data/delivery",
        DELIVERY,
    ),
    (
        "Merge",
        "{ allMerges { $field } }",
        "/data/allMerges/0",
        MERGE,
    ),
];

/// Fields that are null for everybody here: that what they belong to is there is enough.
const NULLABLE: &[&str] = &[
    "Community.description",
    "Community.role",
    "Query.botAccountScore",
    "Query.nextBotCase",
    "User.handle",
    "User.avatarUrl",
    "OwnData.erasure",
    "Delivery.notAfter",
    "Delivery.messageId",
    "Delivery.trouble",
    "Delivery.finishedAt",
    "Member.user",
    "Merge.keptConfirmedAt",
    "Merge.mergedConfirmedAt",
    "Merge.settledAt",
    "Merge.undoUntil",
];

/// Changes, each to something of the community or of the person who does not ask here.
const MUTATION: &[Row] = &[
    (
        "confirmSession",
        SignedIn,
        "confirmSession(proof: \"wrong\")",
    ),
    ("updateProfile", SignedIn, "updateProfile(input: {}) { id }"),
    (
        "adjustReputation",
        Moderator,
        "adjustReputation(communityId: $pond, userId: $target, points: 1, reason: \"x\", key: \"once\") { score }",
    ),
    (
        "linkIdentity",
        SignedIn,
        "linkIdentity(provider: \"campus\") { url }",
    ),
    (
        "choosePrimaryIdentity",
        Owner,
        "choosePrimaryIdentity(id: $link) { id }",
    ),
    ("unlinkIdentity", Owner, "unlinkIdentity(id: $link) { id }"),
    (
        "pushLinkedRole",
        Owner,
        "pushLinkedRole(linkId: $link) { linkId }",
    ),
    (
        "stopLinkedRole",
        Owner,
        "stopLinkedRole(linkId: $link) { linkId }",
    ),
    (
        "requestMerge",
        Instance,
        "requestMerge(keptUserId: $target, mergedUserId: $other) { id }",
    ),
    (
        "confirmMerge",
        Instance,
        "confirmMerge(id: $merge, side: KEPT) { id }",
    ),
    ("undoMerge", Instance, "undoMerge(id: $merge) { id }"),
    (
        "setVisibility",
        SignedIn,
        "setVisibility(entries: []) { platform }",
    ),
    ("requestDataExport", SignedIn, "requestDataExport { id }"),
    ("requestErasure", SignedIn, "requestErasure { dueAt }"),
    ("cancelErasure", SignedIn, "cancelErasure"),
    (
        "revokeSession",
        Owner,
        "revokeSession(id: \"$session\") { id }",
    ),
    (
        "createApiKey",
        SignedIn,
        "createApiKey(input: { name: \"x\", days: 0 }) { id }",
    ),
    (
        "regenerateApiKey",
        Owner,
        "regenerateApiKey(id: $key) { id }",
    ),
    ("revokeApiKey", Owner, "revokeApiKey(id: $key) { id }"),
    (
        "renamePasskey",
        Owner,
        "renamePasskey(id: $passkey, name: \"mine\") { id }",
    ),
    ("removePasskey", Owner, "removePasskey(id: $passkey) { id }"),
    (
        "dismissSuggestion",
        Moderator,
        "dismissSuggestion(communityId: $pond, lowAccountId: \"$low\", highAccountId: \"$high\")",
    ),
    (
        "restoreSuggestion",
        Moderator,
        "restoreSuggestion(communityId: $pond, lowAccountId: \"$low\", highAccountId: \"$high\")",
    ),
    (
        "dismissOwnSuggestion",
        Owner,
        "dismissOwnSuggestion(lowAccountId: \"$low\", highAccountId: \"$high\")",
    ),
    (
        "restoreOwnSuggestion",
        Owner,
        "restoreOwnSuggestion(lowAccountId: \"$low\", highAccountId: \"$high\")",
    ),
    (
        "decideSuspicion",
        Moderator,
        "decideSuspicion(communityId: $pond, id: $suspicion, state: OPEN)",
    ),
    (
        "addCommand",
        Moderator,
        "addCommand(communityId: $pond, name: \"quack\", input: { reply: \"quack\" }) { id }",
    ),
    (
        "editCommand",
        Moderator,
        "editCommand(communityId: $pond, name: \"hello\", input: { reply: \"hi\" }) { id }",
    ),
    (
        "setCommand",
        Moderator,
        "setCommand(communityId: $pond, name: \"ping\", input: {}) { name }",
    ),
    (
        "createCommunity",
        Instance,
        "createCommunity(input: { name: \"\" }) { id }",
    ),
    (
        "updateCommunity",
        Admin,
        "updateCommunity(communityId: $pond, input: {}) { id }",
    ),
    (
        "setRole",
        Admin,
        "setRole(communityId: $pond, userId: $target, role: MEMBER)",
    ),
    (
        "connectServer",
        Admin,
        "connectServer(communityId: $pond, platform: DISCORD) { url }",
    ),
    (
        "testConnection",
        Admin,
        "testConnection(id: $connection) { isWell }",
    ),
    (
        "chooseChannel",
        Admin,
        "chooseChannel(id: $connection, channelId: \"1\") { id }",
    ),
    (
        "say",
        Moderator,
        "say(communityId: $pond, input: { serverId: $server, text: \"hello\", key: \"once\" }) { id }",
    ),
    (
        "retryDelivery",
        Moderator,
        "retryDelivery(id: \"$delivery\") { id }",
    ),
    (
        "editDelivery",
        Moderator,
        "editDelivery(id: \"$delivery\", text: \"hi\", key: \"edit\") { id }",
    ),
    (
        "takeBackDelivery",
        Moderator,
        "takeBackDelivery(id: \"$delivery\") { id }",
    ),
    (
        "setReputationWeights",
        Admin,
        "setReputationWeights(communityId: $pond, weights: [{ reason: \"chat\", own: 20 }]) { reason }",
    ),
    (
        "createWebhook",
        Admin,
        "createWebhook(communityId: $pond, input: { url: \"no address\" }) { secret }",
    ),
    (
        "changeWebhook",
        Admin,
        "changeWebhook(id: $hook, input: { description: \"x\" }) { id }",
    ),
    (
        "rotateWebhookSecret",
        Admin,
        "rotateWebhookSecret(id: $hook) { secret }",
    ),
    ("pauseWebhook", Admin, "pauseWebhook(id: $hook) { id }"),
    ("resumeWebhook", Admin, "resumeWebhook(id: $hook) { id }"),
    ("pingWebhook", Admin, "pingWebhook(id: $hook) { id }"),
    (
        "replayWebhookMessage",
        Admin,
        "replayWebhookMessage(id: \"$sent\") { id }",
    ),
    (
        "replayFailedWebhookMessages",
        Admin,
        "replayFailedWebhookMessages(webhookId: $hook, since: \"2026-01-01T00:00:00Z\")",
    ),
    (
        "markBotReviewed",
        Moderator,
        "markBotReviewed(botId: $case, communityId: $pond, isFalsePositive: true) { id }",
    ),
    (
        "reviewBotCase",
        Moderator,
        "reviewBotCase(communityId: $pond, id: $case, verdict: SKIP) { id }",
    ),
    (
        "undoBotReview",
        Moderator,
        "undoBotReview(communityId: $pond, id: $case) { id }",
    ),
    (
        "lookAtBotCase",
        Moderator,
        "lookAtBotCase(communityId: $pond, id: $case) { id }",
    ),
    (
        "reportBot",
        Member,
        "reportBot(communityId: $pond, accountId: \"$low\")",
    ),
    (
        "appealBotVerdict",
        Owner,
        "appealBotVerdict(caseId: $case, words: \"no\")",
    ),
    (
        "answerBotAppeal",
        Moderator,
        "answerBotAppeal(communityId: $pond, id: $appeal, state: GRANTED)",
    ),
    (
        "changeBotSetting",
        Admin,
        "changeBotSetting(communityId: $pond, input: {}) { likely }",
    ),
    (
        "chooseBotChannel",
        Admin,
        "chooseBotChannel(communityId: $pond) { likely }",
    ),
    (
        "useBotList",
        Admin,
        "useBotList(communityId: $pond, listId: $list, isUsed: true)",
    ),
    (
        "correctBotList",
        Moderator,
        "correctBotList(communityId: $pond, name: \"harm.example\")",
    ),
    (
        "recomputeBotScores",
        Admin,
        "recomputeBotScores(communityId: $pond)",
    ),
    (
        "startBotExperiment",
        Instance,
        "startBotExperiment(hypothesis: \"x\") { id }",
    ),
    (
        "stopBotExperiment",
        Instance,
        "stopBotExperiment(id: $experiment, why: \"x\") { id }",
    ),
    // One after the other: the model scores, is taken back, is rolled out, and is used no more.
    (
        "promoteBotModel",
        Instance,
        "promoteBotModel(id: $model) { id }",
    ),
    ("rollBackBotModel", Instance, "rollBackBotModel { id }"),
    (
        "startBotRollout",
        Instance,
        "startBotRollout(modelId: $model) { id }",
    ),
    (
        "advanceBotRollout",
        Instance,
        "advanceBotRollout(id: $rollout, step: 10) { id }",
    ),
    (
        "haltBotRollout",
        Instance,
        "haltBotRollout(id: $rollout, why: \"x\") { id }",
    ),
    ("retireBotModel", Instance, "retireBotModel(id: $model)"),
    ("startBotTraining", Instance, "startBotTraining { id }"),
    ("clearBotAlert", Instance, "clearBotAlert(id: $alert)"),
    // What ends something comes last.
    ("removeWebhook", Admin, "removeWebhook(id: $hook)"),
    (
        "cancelDelivery",
        Moderator,
        "cancelDelivery(id: \"$delivery\") { id }",
    ),
    (
        "removeCommand",
        Moderator,
        "removeCommand(communityId: $pond, name: \"hello\") { id }",
    ),
    ("rejectMerge", Instance, "rejectMerge(id: $merge) { id }"),
    ("disconnect", Admin, "disconnect(id: $connection)"),
];

/// Followed live, from a message on after which there is another.
const SUBSCRIPTION: &[Row] = &[
    (
        "chatMessage",
        Member,
        "chatMessage(communityId: $pond, since: \"$first\") { id }",
    ),
    (
        "botScoreUpdated",
        Member,
        "botScoreUpdated(communityId: $pond) { communityId }",
    ),
];

/// Somebody who asks.
struct Asker {
    label: &'static str,
    client: Client,
    is_signed_in: bool,
    is_instance_admin: bool,
    role: Option<Role>,
}

impl Asker {
    fn may(&self, least: Least) -> bool {
        let has = |role| self.role >= Some(role);
        match least {
            Anybody => true,
            SignedIn => self.is_signed_in,
            Sharer => has(Role::Member),
            Member => self.is_instance_admin || has(Role::Member),
            Moderator => self.is_instance_admin || has(Role::Moderator),
            Admin => self.is_instance_admin || has(Role::Admin),
            Instance => self.is_instance_admin,
            Owner => false,
        }
    }
}

/// What belongs to others, by the names that rows have for it.
struct Stage {
    world: World,
    pond: CommunityId,
    target: UserId,
    ids: BTreeMap<&'static str, String>,
    n_calls: u32,
}

fn arrival(user: UserId) -> Arrival {
    Arrival {
        provider: "campus".to_owned(),
        intent: Intent::Link(user),
        nonce: String::new(),
        verifier: Secret::default(),
        redirect: "http://127.0.0.1/auth/campus/callback".to_owned(),
        return_to: "/".to_owned(),
    }
}

fn proof(subject: &str) -> Proof {
    Proof {
        subject: subject.to_owned(),
        username: "duck".to_owned(),
        display_name: None,
        avatar: None,
        verified_email: None,
        account_created_at: None,
        tokens: None,
    }
}

impl Stage {
    async fn new(mut world: World) -> Self {
        let pond = world.community("Pond").await;
        for text in ["first", "second"] {
            world.say(pond, "target", text).await;
        }
        world.say(pond, "other", "third").await;
        let target = world.user_of(pond, "target").await;
        let other = world.user_of(pond, "other").await;
        world.sql("UPDATE users SET claimed_at = 1").await;
        let system = world.system();
        let identity = &world.app.identity;
        for user in [target, other] {
            let member = Some(Role::Member);
            identity
                .set_role(&system, pond, user, member)
                .await
                .unwrap();
        }
        let actor = world.actor_of(target).await;
        let mut link = None;
        for subject in ["one", "two"] {
            let made = identity
                .finish_link(&actor, &arrival(target), None, &proof(subject))
                .await;
            link = Some(made.unwrap().id);
        }
        let session = world.session(target).await;
        let wanted = NewApiKey {
            name: "kitchen".to_owned(),
            scope: KeyScope::Everything,
            days: 30,
        };
        let key = identity
            .create_api_key(&actor, session, &wanted, &Secret::default())
            .await
            .unwrap();
        let asker = world.admin("asker").await;
        let merge = world
            .app
            .identity
            .request_merge(&asker.actor, target, other);
        let merge = merge.await.unwrap();
        world
            .sql(&format!(
                "INSERT INTO passkey (user_id, rp_id, handle, credential_id, credential, name, sign_count, \
                 backed_up, created_at) VALUES ({target}, 'bot.example.org', 'h', 'c', '{{}}', 'key', 0, FALSE, 0)"
            ))
            .await;
        let account = async |user: UserId| {
            let query = format!("SELECT MIN(id) FROM platform_account WHERE user_id = {user}");
            world.number(&query).await
        };
        let (one, two) = (account(target).await, account(other).await);
        let (low, high) = (one.min(two), one.max(two));
        world
            .sql(&format!(
                "INSERT INTO merge_suggestion (community_id, low_account, high_account, confidence, signs, \
                 found_at, seen_at) VALUES ({pond}, {low}, {high}, 60, 'same_handle', 0, 0)"
            ))
            .await;
        world
            .sql(&format!(
                "INSERT INTO suspicion (community_id, pattern, subject, evidence, first_seen_at, last_seen_at, \
                 state) VALUES ({pond}, 4, 'account:{one}', '{{\"links\":5}}', 0, 0, 0)"
            ))
            .await;
        world
            .sql(
                "INSERT INTO bot_list (name, kind, platform, source, reason, as_of, half_life_days, digest, \
                 n_entries, imported_at) VALUES ('list', 1, 1, 'x', 'x', 0, 0, 'x', 1, 0)",
            )
            .await;
        let list = world.number("SELECT MAX(id) FROM bot_list").await;
        let new = ::bots::NewModel {
            name: "new".to_owned(),
            community: None,
            metrics: json!({}),
            card: json!({}),
        };
        let bots = &world.app.bots;
        let model = bots.add_model(&system, &new, ::bots::prior::BYTES.into());
        let model = model.await.unwrap().id;
        let training = bots.start_training(&system, None).await.unwrap().id;
        world
            .sql("INSERT INTO bot_alert (kind, scope, words, numbers, at) VALUES (4, 0, 'it failed', '{}', 0)")
            .await;
        let alert = world.number("SELECT MAX(id) FROM bot_alert").await;
        let passkey = world.number("SELECT MAX(id) FROM passkey").await;
        let suspicion = world.number("SELECT MAX(id) FROM suspicion").await;
        let first = world.number("SELECT MIN(id) FROM message").await;
        let node = crate::schema::message_node(MessageId(first));
        let ids = BTreeMap::from([
            ("$pond", pond.to_string()),
            ("$target", target.to_string()),
            ("$other", other.to_string()),
            ("$link", link.unwrap().to_string()),
            ("$session", session.to_string()),
            ("$key", key.id.to_string()),
            ("$passkey", passkey.to_string()),
            ("$merge", merge.to_string()),
            ("$low", low.to_string()),
            ("$high", high.to_string()),
            ("$suspicion", suspicion.to_string()),
            ("$list", list.to_string()),
            ("$model", model.to_string()),
            ("$training", training.to_string()),
            ("$alert", alert.to_string()),
            ("$first", first.to_string()),
            ("$messageNode", format!("\"{node}\"")),
        ]);
        let mut stage = Self {
            world,
            pond,
            target,
            ids,
            n_calls: 0,
        };
        stage.renew().await;
        stage
    }

    /// What a change may have used up is there again.
    async fn renew(&mut self) {
        self.n_calls += 1;
        let (world, pond, n) = (&self.world, self.pond, self.n_calls);
        let system = world.system();
        let app = &world.app;
        let reply = ::community::CommandChange {
            reply: Some("hello".to_owned()),
            ..::community::CommandChange::default()
        };
        // It may be there still.
        let _ = app
            .commands
            .add_command(&system, pond, "hello", &reply)
            .await;
        let _ = app.commands.remove_command(&system, pond, "quack").await;
        let connection = super::connected(world, pond, &n.to_string()).await;
        let delivery = super::said(world, &connection, &n.to_string()).await;
        world
            .sql("INSERT INTO delivery_attempt (delivery_id, n, begun_at) SELECT MAX(id), 1, 0 FROM delivery")
            .await;
        // The target was called a bot, and says no.
        for table in ["bot_case_viewer", "bot_appeal", "bot_review", "bot_case"] {
            world.sql(&format!("DELETE FROM {table}")).await;
        }
        world
            .sql(&format!(
                "INSERT INTO bot_case (community_id, account_id, state, reasons, probability_ppm, value_ppm, \
                 opened_at, changed_at, revision) SELECT {pond}, MIN(id), 1, 1, 800000, 500000, 0, 0, 1 \
                 FROM platform_account WHERE user_id = {}",
                self.target
            ))
            .await;
        world
            .sql(
                "INSERT INTO bot_appeal (case_id, community_id, account_id, words, state, made_at, answer) \
                 SELECT id, community_id, account_id, 'no', 0, 0, '' FROM bot_case",
            )
            .await;
        for (name, table) in [("$case", "bot_case"), ("$appeal", "bot_appeal")] {
            let id = world.number(&format!("SELECT MAX(id) FROM {table}")).await;
            self.ids.insert(name, id.to_string());
        }
        // There may be none, which no change is let through to.
        for (name, table) in [
            ("$rollout", "bot_rollout"),
            ("$experiment", "bot_experiment"),
        ] {
            let newest = format!("SELECT COALESCE(MAX(id), 0) FROM {table}");
            let newest = world.number(&newest).await;
            self.ids.insert(name, newest.to_string());
        }
        // There may be none yet.
        if let Some(old) = self.ids.get("$hook") {
            let old = kernel::WebhookId(old.parse().unwrap());
            let _ = app.webhooks.remove(&system, old).await;
        }
        let new = webhook::NewWebhook {
            url: format!("https://receiver.example/{n}"),
            ..webhook::NewWebhook::default()
        };
        let hook = app
            .webhooks
            .create(&system, pond, &new)
            .await
            .unwrap()
            .webhook
            .id;
        let sent = app.webhooks.ping(&system, hook).await.unwrap();
        self.ids.insert("$hook", hook.to_string());
        self.ids.insert("$sent", sent.to_string());
        self.ids.insert("$connection", connection.id.to_string());
        self.ids.insert("$server", connection.server.to_string());
        self.ids.insert("$delivery", delivery.to_string());
    }

    fn fill(&self, text: &str) -> String {
        // Longer names first: one may begin like another.
        let mut names: Vec<_> = self.ids.iter().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        names
            .into_iter()
            .fold(text.to_owned(), |text, (name, id)| text.replace(name, id))
    }

    /// Everybody who asks, the weakest first.
    async fn askers(&mut self) -> Vec<Asker> {
        let lake = self.world.community("Lake").await;
        let mut people = vec![("owner elsewhere", None)];
        people.extend(Role::ALL.map(|role| (role.as_str(), Some(role))));
        let mut askers = vec![Asker {
            label: "anonymous",
            client: Client::anonymous(&self.world),
            is_signed_in: false,
            is_instance_admin: false,
            role: None,
        }];
        for (label, role) in people {
            let place = if role.is_some() { self.pond } else { lake };
            let is = role.unwrap_or(Role::Owner);
            let person = self.world.person(place, label, Some(is)).await;
            askers.push(Asker {
                label,
                client: Client::of(&self.world, &person).await,
                is_signed_in: true,
                is_instance_admin: false,
                role,
            });
        }
        let root = self.world.admin("root").await;
        askers.push(Asker {
            label: "instance admin",
            client: Client::of(&self.world, &root).await,
            is_signed_in: true,
            is_instance_admin: true,
            role: None,
        });
        askers
    }
}

/// Whether a field was answered.
fn is_answered(answer: &Value, parent: &str, field: &str, is_nullable: bool) -> bool {
    let parent = answer.pointer(parent).unwrap_or(&Value::Null);
    let value = &parent[field];
    answer.get("errors").is_none() && !parent.is_null() && (is_nullable || !value.is_null())
}

/// Whether a change was let through: what came of it then is another matter.
fn is_let_through(answer: &Value) -> bool {
    !matches!(code(answer), "UNAUTHENTICATED" | "FORBIDDEN" | "NOT_FOUND")
}

on_both! {
    async fn fields_are_for_those_that_the_table_names(world: World) {
        let mut stage = Stage::new(world).await;
        let askers = stage.askers().await;
        let mut wrong = Vec::new();
        for (on, template, parent, rows) in TYPES {
            for (field, least, selection) in *rows {
                let query = stage.fill(&template.replace("$field", selection));
                let is_nullable = NULLABLE.contains(&format!("{on}.{field}").as_str());
                for asker in &askers {
                    let answer = asker.client.ask(&query, json!({})).await;
                    let seen = is_answered(&answer, parent, field, is_nullable);
                    if seen != asker.may(*least) {
                        wrong.push(format!("{on}.{field} as {}: {answer}", asker.label));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        world = stage.world;
        world.expect_leftovers();
    }

    async fn changes_are_for_those_that_the_table_names(world: World) {
        let mut stage = Stage::new(world).await;
        let askers = stage.askers().await;
        let mut wrong = Vec::new();
        for (field, least, selection) in MUTATION {
            for asker in &askers {
                stage.renew().await;
                let change = stage.fill(&format!("mutation {{ {selection} }}"));
                let answer = asker.client.ask(&change, json!({})).await;
                if is_let_through(&answer) != asker.may(*least) {
                    wrong.push(format!("{field} as {}: {answer}", asker.label));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let left = stage.world.app.identity.links(&stage.world.actor_of(stage.target).await).await;
        assert_eq!(left.unwrap().len(), 2, "nobody took what is another's");
        world = stage.world;
        world.expect_leftovers();
    }

    async fn what_is_live_is_for_those_that_the_table_names(world: World) {
        let mut stage = Stage::new(world).await;
        let askers = stage.askers().await;
        let mut wrong = Vec::new();
        for (field, least, selection) in SUBSCRIPTION {
            let query = stage.fill(&format!("subscription {{ {selection} }}"));
            for asker in &askers {
                let first = sse::first(&asker.client, &query).await;
                if is_answered(&first, "/data", field, false) != asker.may(*least) {
                    wrong.push(format!("{field} as {}: {first}", asker.label));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        world = stage.world;
        world.expect_leftovers();
    }
}

#[test]
fn every_field_with_rights_has_a_row() {
    let fields = schema_fields();
    let mut tables: BTreeMap<&str, &[Row]> =
        TYPES.iter().map(|(on, _, _, rows)| (*on, *rows)).collect();
    tables.insert("Mutation", MUTATION);
    tables.insert("Subscription", SUBSCRIPTION);
    let decided: BTreeSet<&str> = tables.keys().chain(WITHOUT_RIGHTS).copied().collect();
    let types: BTreeSet<&str> = fields.keys().map(String::as_str).collect();
    let open: Vec<_> = types.symmetric_difference(&decided).collect();
    assert!(
        open.is_empty(),
        "say whether these types have rights: {open:?}"
    );
    for (on, rows) in tables {
        let named: BTreeSet<&str> = rows.iter().map(|(field, ..)| *field).collect();
        let there: BTreeSet<&str> = fields[on].keys().map(String::as_str).collect();
        let open: Vec<_> = there.symmetric_difference(&named).collect();
        assert!(
            open.is_empty(),
            "{on} wants a row for, or has one too much for, {open:?}"
        );
        assert_eq!(named.len(), rows.len(), "{on} has a row twice");
    }
}
