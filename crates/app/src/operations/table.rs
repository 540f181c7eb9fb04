//! The rows of the table.

use kernel::Permission;

use super::{Needs, Operation};

const fn row(name: &'static str, needs: Needs) -> Operation {
    Operation { name, needs }
}

const fn within(name: &'static str, permission: Permission) -> Operation {
    row(name, Needs::Community(permission))
}

const fn instance(name: &'static str) -> Operation {
    row(name, Needs::Instance(Permission::OperateInstance))
}

/// Every operation.
pub const OPERATIONS: &[Operation] = &[
    row("identity.me", Needs::Nothing),
    row("identity.sessions", Needs::SignedIn),
    row("identity.revoke_session", Needs::SignedIn),
    row("identity.change_password", Needs::SignedIn),
    row("identity.api_keys", Needs::SignedIn),
    row("identity.create_api_key", Needs::SignedIn),
    row("identity.regenerate_api_key", Needs::SignedIn),
    row("identity.revoke_api_key", Needs::SignedIn),
    row(
        "identity.issue_sign_in_link",
        Needs::Instance(Permission::OperateInstance),
    ),
    row(
        "identity.create_admin",
        Needs::Instance(Permission::OperateInstance),
    ),
    row(
        "identity.reset_password",
        Needs::Instance(Permission::OperateInstance),
    ),
    row(
        "identity.find_by_email",
        Needs::Instance(Permission::OperateInstance),
    ),
    row("identity.communities", Needs::Nothing),
    row(
        "identity.community",
        Needs::Community(Permission::ViewCommunity),
    ),
    row(
        "identity.communities_of",
        Needs::Community(Permission::ViewCommunity),
    ),
    row(
        "identity.community_by_slug",
        Needs::Community(Permission::ViewCommunity),
    ),
    row(
        "identity.create_community",
        Needs::Instance(Permission::CreateCommunity),
    ),
    row(
        "identity.find_or_create_community",
        Needs::Instance(Permission::CreateCommunity),
    ),
    row(
        "identity.update_community",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "identity.servers",
        Needs::Community(Permission::ViewCommunity),
    ),
    row(
        "identity.servers_of",
        Needs::Community(Permission::ViewCommunity),
    ),
    row(
        "identity.connect_server",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "identity.begin_install",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "identity.redeem_install",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "identity.finish_install",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "identity.connections",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "identity.connections_of",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "identity.connection",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "identity.choose_channel",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "identity.disconnect",
        Needs::Community(Permission::ManageCommunity),
    ),
    row("identity.second_factor", Needs::SignedIn),
    row("identity.begin_totp", Needs::SignedIn),
    row("identity.confirm_totp", Needs::SignedIn),
    row("identity.disable_totp", Needs::SignedIn),
    row("identity.renew_recovery_codes", Needs::SignedIn),
    row("identity.confirm_session", Needs::SignedIn),
    row("identity.passkeys", Needs::SignedIn),
    row("identity.begin_passkey", Needs::SignedIn),
    row("identity.add_passkey", Needs::SignedIn),
    row("identity.rename_passkey", Needs::SignedIn),
    row("identity.remove_passkey", Needs::SignedIn),
    row("identity.begin_passkey_confirmation", Needs::SignedIn),
    row("identity.confirm_with_passkey", Needs::SignedIn),
    row("identity.verifications", Needs::SignedIn),
    row(
        "identity.reset_second_factor",
        Needs::Instance(Permission::OperateInstance),
    ),
    row("identity.email_status", Needs::SignedIn),
    row("identity.begin_email", Needs::SignedIn),
    row("identity.confirm_email", Needs::SignedIn),
    row("app.send_email_code", Needs::SignedIn),
    row("identity.redeem_state", Needs::Nothing),
    row("identity.begin_link", Needs::SignedIn),
    row("identity.finish_link", Needs::SignedIn),
    row("identity.confirmation", Needs::SignedIn),
    row("identity.links", Needs::SignedIn),
    row("identity.begin_chat_code", Needs::SignedIn),
    row("app.chat_code", Needs::SignedIn),
    row("identity.own_profile", Needs::SignedIn),
    row("identity.change_profile", Needs::SignedIn),
    row("identity.profile", Needs::Nothing),
    row("identity.profiles", Needs::Nothing),
    row("identity.visibility", Needs::SignedIn),
    row("identity.change_visibility", Needs::SignedIn),
    row("identity.consents", Needs::SignedIn),
    row("identity.request_export", Needs::SignedIn),
    row("identity.exports", Needs::SignedIn),
    row("identity.take_export", Needs::SignedIn),
    row("identity.request_erasure", Needs::SignedIn),
    row("identity.erasure", Needs::SignedIn),
    row("identity.cancel_erasure", Needs::SignedIn),
    row("app.fetch_export", Needs::SignedIn),
    row("activity.own_feed", Needs::SignedIn),
    row("activity.activity_of", Needs::Nothing),
    row(
        "activity.retention_preview",
        Needs::Community(Permission::ManageCommunity),
    ),
    row("identity.choose_primary_link", Needs::SignedIn),
    row("identity.unlink", Needs::SignedIn),
    row("identity.merges", Needs::SignedIn),
    row("identity.merge_preview", Needs::SignedIn),
    row("identity.confirm_merge", Needs::SignedIn),
    row("identity.reject_merge", Needs::SignedIn),
    row("identity.undo_merge", Needs::SignedIn),
    row(
        "identity.request_merge",
        Needs::Instance(Permission::OperateInstance),
    ),
    row(
        "identity.all_merges",
        Needs::Instance(Permission::OperateInstance),
    ),
    row("identity.own_suggestions", Needs::SignedIn),
    row("identity.dismiss_own_suggestion", Needs::SignedIn),
    row("identity.restore_own_suggestion", Needs::SignedIn),
    row(
        "identity.suggestions",
        Needs::Community(Permission::ViewMembers),
    ),
    row(
        "identity.suggestions_of",
        Needs::Community(Permission::ViewMembers),
    ),
    row(
        "identity.dismiss_suggestion",
        Needs::Community(Permission::ModerateMembers),
    ),
    row(
        "identity.restore_suggestion",
        Needs::Community(Permission::ModerateMembers),
    ),
    row(
        "identity.all_suggestions",
        Needs::Instance(Permission::OperateInstance),
    ),
    row("app.link_url", Needs::SignedIn),
    row("app.link_for_roles_url", Needs::SignedIn),
    row("identity.linked_roles", Needs::SignedIn),
    row("identity.push_roles", Needs::SignedIn),
    row("identity.stop_roles", Needs::SignedIn),
    row("app.complete_sign_in", Needs::Nothing),
    row("app.unlink", Needs::SignedIn),
    row("identity.roles", Needs::Community(Permission::ViewMembers)),
    row(
        "identity.roles_of",
        Needs::Community(Permission::ViewMembers),
    ),
    row(
        "identity.set_role",
        Needs::Community(Permission::ManageMembers),
    ),
    row(
        "activity.overview",
        Needs::Community(Permission::ViewActivity),
    ),
    row(
        "activity.overviews",
        Needs::Community(Permission::ViewActivity),
    ),
    row(
        "activity.summary",
        Needs::Community(Permission::ViewCommunity),
    ),
    row(
        "activity.summaries",
        Needs::Community(Permission::ViewCommunity),
    ),
    row(
        "activity.members",
        Needs::Community(Permission::ViewMembers),
    ),
    row(
        "activity.members_of",
        Needs::Community(Permission::ViewMembers),
    ),
    row(
        "activity.members_at",
        Needs::Community(Permission::ViewMembers),
    ),
    row(
        "activity.member_count",
        Needs::Community(Permission::ViewMembers),
    ),
    row(
        "activity.member_counts",
        Needs::Community(Permission::ViewMembers),
    ),
    row(
        "activity.accounts",
        Needs::Community(Permission::ViewMembers),
    ),
    row(
        "activity.accounts_of",
        Needs::Community(Permission::ViewMembers),
    ),
    row("activity.own_reputation", Needs::SignedIn),
    row("activity.reputation_of", Needs::Nothing),
    row(
        "activity.reputations",
        Needs::Community(Permission::ViewMembers),
    ),
    row(
        "activity.reputations_of",
        Needs::Community(Permission::ViewMembers),
    ),
    row(
        "activity.member_card",
        Needs::Community(Permission::ViewMembers),
    ),
    row(
        "activity.reputation_history",
        Needs::Community(Permission::ViewMembers),
    ),
    row(
        "activity.standings",
        Needs::Community(Permission::ViewMembers),
    ),
    row(
        "identity.reputation_weights",
        Needs::Community(Permission::ViewMembers),
    ),
    row(
        "identity.set_reputation_weights",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "activity.adjust_reputation",
        Needs::Community(Permission::ModerateMembers),
    ),
    row(
        "activity.suspicions",
        Needs::Community(Permission::ViewMembers),
    ),
    row(
        "activity.suspicions_of",
        Needs::Community(Permission::ViewMembers),
    ),
    row(
        "activity.decide_suspicion",
        Needs::Community(Permission::ModerateMembers),
    ),
    row(
        "activity.recent_messages",
        Needs::Community(Permission::ViewActivity),
    ),
    row(
        "activity.recent_messages_of",
        Needs::Community(Permission::ViewActivity),
    ),
    within("activity.messages_of_account", Permission::ViewMembers),
    row(
        "activity.messages_by_id",
        Needs::Community(Permission::ViewActivity),
    ),
    row(
        "activity.channel_names",
        Needs::Community(Permission::ViewActivity),
    ),
    row("activity.live", Needs::Community(Permission::ViewActivity)),
    row(
        "activity.begin_import",
        Needs::Community(Permission::ImportHistory),
    ),
    row(
        "activity.finish_import",
        Needs::Community(Permission::ImportHistory),
    ),
    row(
        "activity.imports",
        Needs::Community(Permission::ImportHistory),
    ),
    row(
        "activity.purge",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "activity.stream_since",
        Needs::Community(Permission::ViewActivity),
    ),
    row(
        "community.custom_commands",
        Needs::Community(Permission::ViewCommunity),
    ),
    row(
        "community.find_command",
        Needs::Community(Permission::ViewCommunity),
    ),
    row(
        "community.use_command",
        Needs::Community(Permission::ViewCommunity),
    ),
    row(
        "community.command_settings",
        Needs::Community(Permission::ViewCommunity),
    ),
    row(
        "community.add_command",
        Needs::Community(Permission::ManageCommands),
    ),
    row(
        "community.edit_command",
        Needs::Community(Permission::ManageCommands),
    ),
    row(
        "community.remove_command",
        Needs::Community(Permission::ManageCommands),
    ),
    row(
        "community.set_command",
        Needs::Community(Permission::ManageCommands),
    ),
    row(
        "activity.quarantined",
        Needs::Instance(Permission::OperateInstance),
    ),
    row(
        "activity.quarantined_count",
        Needs::Instance(Permission::OperateInstance),
    ),
    row(
        "app.install_url",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "app.complete_install",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "app.channels",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "app.choose_channel",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "app.test_connection",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "app.disconnect",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "deliveries.post",
        Needs::Community(Permission::SendMessages),
    ),
    row(
        "deliveries.post_in",
        Needs::Community(Permission::SendMessages),
    ),
    row(
        "deliveries.post_once_in",
        Needs::Community(Permission::SendMessages),
    ),
    row("app.answer_to", Needs::Community(Permission::SendMessages)),
    row(
        "deliveries.post_many",
        Needs::Community(Permission::SendMessages),
    ),
    row(
        "deliveries.post_many_in",
        Needs::Community(Permission::SendMessages),
    ),
    row(
        "deliveries.get",
        Needs::Community(Permission::ViewDeliveries),
    ),
    row(
        "deliveries.list",
        Needs::Community(Permission::ViewDeliveries),
    ),
    row(
        "deliveries.tries_of",
        Needs::Community(Permission::ViewDeliveries),
    ),
    row(
        "deliveries.cancel",
        Needs::Community(Permission::SendMessages),
    ),
    row(
        "deliveries.retry",
        Needs::Community(Permission::SendMessages),
    ),
    row(
        "deliveries.edit",
        Needs::Community(Permission::SendMessages),
    ),
    row(
        "deliveries.take_back",
        Needs::Community(Permission::SendMessages),
    ),
    row("app.say", Needs::Community(Permission::SendMessages)),
    row(
        "webhooks.webhooks",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "webhooks.webhook",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "webhooks.create",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "webhooks.change",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "webhooks.rotate",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "webhooks.pause",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "webhooks.resume",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "webhooks.remove",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "webhooks.messages",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "webhooks.message",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "webhooks.replay",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "webhooks.replay_failed",
        Needs::Community(Permission::ManageCommunity),
    ),
    row(
        "webhooks.ping",
        Needs::Community(Permission::ManageCommunity),
    ),
    row("bots.setting", Needs::Community(Permission::ViewMembers)),
    within("bots.change_setting", Permission::ManageCommunity),
    row("bots.lists", Needs::Community(Permission::ViewMembers)),
    within("bots.use_list", Permission::ManageCommunity),
    instance("bots.import_list"),
    instance("bots.remove_list"),
    row("bots.listed", Needs::Community(Permission::ViewMembers)),
    within("bots.corrections", Permission::ViewMembers),
    within("bots.correct", Permission::ModerateMembers),
    instance("bots.correct_everywhere"),
    row("bots.cases", Needs::Community(Permission::ViewMembers)),
    row("bots.suspects", Needs::Community(Permission::ViewMembers)),
    within("bots.suspects_of", Permission::ViewMembers),
    row("bots.case", Needs::Community(Permission::ViewMembers)),
    within("bots.cases_by_id", Permission::ViewMembers),
    within("bots.case_counts", Permission::ViewMembers),
    within("bots.look_at_case", Permission::ModerateMembers),
    row("bots.review", Needs::Community(Permission::ModerateMembers)),
    within("bots.undo_review", Permission::ModerateMembers),
    row("bots.called", Needs::Community(Permission::ViewActivity)),
    row("bots.report", Needs::Community(Permission::ViewActivity)),
    within("bots.label_counts", Permission::ViewMembers),
    row("bots.appeals", Needs::Community(Permission::ViewMembers)),
    within("bots.answer_appeal", Permission::ModerateMembers),
    row("bots.models", Needs::Instance(Permission::OperateInstance)),
    row("bots.model", Needs::Instance(Permission::OperateInstance)),
    instance("bots.compare_models"),
    instance("bots.add_model"),
    instance("bots.model_file"),
    instance("bots.promote_model"),
    instance("bots.roll_back_model"),
    instance("bots.retire_model"),
    instance("bots.import_labels"),
    instance("bots.trainings"),
    instance("bots.training"),
    instance("bots.start_training"),
    instance("bots.rollouts"),
    instance("bots.start_rollout"),
    instance("bots.advance_rollout"),
    instance("bots.halt_rollout"),
    instance("bots.experiments"),
    instance("bots.start_experiment"),
    instance("bots.stop_experiment"),
    within("bots.monitoring", Permission::ViewMembers),
    instance("bots.instance_monitoring"),
    instance("bots.alerts"),
    instance("bots.clear_alert"),
    within("bots.score_of", Permission::ViewMembers),
    within("bots.scores_of", Permission::ViewMembers),
    row("bots.scores", Needs::Community(Permission::ViewMembers)),
    row("bots.history", Needs::Community(Permission::ViewMembers)),
    within("bots.community_score", Permission::ViewActivity),
    within("bots.community_scores", Permission::ViewActivity),
    within("app.follow_bot_score", Permission::ViewActivity),
    within("bots.histogram", Permission::ViewMembers),
    row("bots.what_if", Needs::Community(Permission::ViewMembers)),
    within("bots.recompute", Permission::ManageCommunity),
    row("bots.infer", Needs::SignedIn),
    row("bots.own_verdicts", Needs::SignedIn),
    row("bots.appeal", Needs::SignedIn),
    row("app.status", Needs::Instance(Permission::OperateInstance)),
    row(
        "app.api_usage",
        Needs::Instance(Permission::OperateInstance),
    ),
    row(
        "app.dead_letters",
        Needs::Instance(Permission::OperateInstance),
    ),
    row(
        "app.replay_job",
        Needs::Instance(Permission::OperateInstance),
    ),
    row(
        "app.discard_job",
        Needs::Instance(Permission::OperateInstance),
    ),
    row("app.outbox", Needs::Instance(Permission::OperateInstance)),
    row(
        "app.outbox_mail",
        Needs::Instance(Permission::OperateInstance),
    ),
    row("app.company", Needs::Community(Permission::ViewActivity)),
    row("app.speak", Needs::Community(Permission::ViewActivity)),
    row("app.audit", Needs::Instance(Permission::OperateInstance)),
    row(
        "app.verify_audit",
        Needs::Instance(Permission::OperateInstance),
    ),
];
