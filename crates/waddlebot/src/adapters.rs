//! The platforms this process can talk to: adapters made from the configuration, those without
//! credentials left out. Must never open a connection: listening is the gateway's, sending the
//! worker's.

use std::sync::Arc;

use anyhow::Context;
use engines::{MailCourier, Mailer};
use kernel::{
    Clock, CommandSpec, Connector, Courier, Entropy, Grants, HookCaller, Provider, Tracker,
};
use platforms::{
    Listener, Webhook, discord,
    hook::{self, HookClient},
    http::Http,
    mlflow::{self, Mlflow},
    oidc::{Oidc, OidcSettings},
    slack, twitch,
};

use crate::config::{Config, DiscordSection, OidcSection, SlackSection, TwitchSection};

/// The adapters, by what they do.
#[derive(Clone, Default)]
pub(crate) struct Adapters {
    /// Carry messages out.
    pub(crate) couriers: Vec<Arc<dyn Courier>>,
    /// Install us.
    pub(crate) connectors: Vec<Arc<dyn Connector>>,
    /// Hear.
    pub(crate) listeners: Vec<Arc<dyn Listener>>,
    /// Take requests.
    pub(crate) webhooks: Vec<Arc<dyn Webhook>>,
    /// Vouch for people who sign in.
    pub(crate) providers: Vec<Arc<dyn Provider>>,
    discord: Option<Arc<discord::Discord>>,
    /// The page where people allow linked roles, if they may.
    roles_page: Option<String>,
}

/// Who calls the receivers of webhooks.
pub(crate) fn hooks(config: &Config) -> anyhow::Result<Arc<dyn HookCaller>> {
    let section = &config.webhooks;
    let settings = hook::Settings {
        ports: section.ports.clone(),
        trusted: section.trusted_receivers.clone(),
    };
    let client = HookClient::new(settings).context("making the HTTP client of webhooks")?;
    Ok(Arc::new(client))
}

/// Where the operator follows trainings, if the configuration names a server.
pub(crate) fn tracker(config: &Config) -> anyhow::Result<Option<Arc<dyn Tracker>>> {
    let section = &config.mlflow;
    if section.url.is_empty() {
        return Ok(None);
    }
    let settings = mlflow::Settings {
        url: section
            .url
            .parse()
            .context("`mlflow.url` is not an address")?,
        user: section.user.clone(),
        token: section.token.clone(),
        experiment: section.experiment.clone(),
    };
    let http = Http::new().context("making the HTTP client")?;
    Ok(Some(Arc::new(Mlflow::new(&settings, http)?)))
}

/// What adapters are made with.
pub(crate) struct Makings {
    pub(crate) mailer: Arc<dyn Mailer>,
    pub(crate) grants: Arc<dyn Grants>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl Adapters {
    /// The adapters of a configuration.
    pub(crate) fn new(config: &Config, makings: &Makings) -> anyhow::Result<Self> {
        let http = Http::new().context("making the HTTP client")?;
        let mut adapters = Self::default();
        adapters
            .couriers
            .push(Arc::new(MailCourier::new(Arc::clone(&makings.mailer))));
        adapters.add_discord(&config.discord, &http, makings)?;
        if config.discord.linked_roles {
            adapters.roles_page = Some(format!("{}/link", config.public_url()));
        }
        if !config.twitch.client_id.is_empty() {
            adapters.add_twitch(&config.twitch, &http, makings);
        }
        if !config.slack.client_id.is_empty() {
            adapters.add_slack(&config.slack, &http, makings)?;
        }
        for (key, section) in &config.oidc {
            adapters.add_oidc(key, section, &http, makings)?;
        }
        Ok(adapters)
    }

    fn add_discord(
        &mut self,
        section: &DiscordSection,
        http: &Http,
        makings: &Makings,
    ) -> anyhow::Result<()> {
        let given = |text: &String| (!text.is_empty()).then(|| text.clone());
        let settings = discord::Settings {
            client_secret: section.client_secret.clone(),
            public_key: given(&section.public_key),
            api_url: section.api_url.clone(),
            gateway_url: given(&section.gateway_url),
            authorize_url: section.authorize_url.clone(),
            ..discord::Settings::new(section.token.clone(), section.application_id.clone())
        };
        if !section.application_id.is_empty() && !section.client_secret.expose().is_empty() {
            self.providers.push(Arc::new(discord::DiscordSignIn::new(
                &settings,
                http.clone(),
                Arc::clone(&makings.clock),
                section.linked_roles,
            )));
        }
        if section.token.expose().is_empty() {
            return Ok(());
        }
        let discord = discord::Discord::new(
            settings,
            http.clone(),
            Arc::clone(&makings.clock),
            Arc::clone(&makings.entropy),
        )
        .context("the section [discord] of the configuration")?;
        let discord = Arc::new(discord);
        self.couriers.push(discord.clone());
        self.connectors.push(discord.clone());
        self.listeners.push(discord.clone());
        if !section.public_key.is_empty() {
            self.webhooks.push(discord.clone());
        }
        self.discord = Some(discord);
        Ok(())
    }

    fn add_twitch(&mut self, section: &TwitchSection, http: &Http, makings: &Makings) {
        let settings = twitch::Settings {
            client_id: section.client_id.clone(),
            client_secret: section.client_secret.clone(),
            webhook_secret: section.webhook_secret.clone(),
            api_url: section.api_url.clone(),
            id_url: section.id_url.clone(),
            eventsub_url: section.eventsub_url.clone(),
            bot_user_id: (!section.bot_user_id.is_empty()).then(|| section.bot_user_id.clone()),
        };
        if !section.client_secret.expose().is_empty() {
            self.providers.push(Arc::new(twitch::TwitchSignIn::new(
                &settings,
                http.clone(),
                Arc::clone(&makings.clock),
            )));
        }
        let twitch = twitch::Twitch::new(
            settings,
            http.clone(),
            Arc::clone(&makings.grants),
            Arc::clone(&makings.clock),
            Arc::clone(&makings.entropy),
        );
        self.couriers.push(twitch.courier());
        self.connectors.push(twitch.connector());
        self.listeners.push(twitch.listener());
        if !section.webhook_secret.expose().is_empty() {
            self.webhooks.push(twitch.webhook());
        }
    }

    fn add_slack(
        &mut self,
        section: &SlackSection,
        http: &Http,
        makings: &Makings,
    ) -> anyhow::Result<()> {
        let settings = slack::Settings {
            client_id: section.client_id.clone(),
            client_secret: section.client_secret.clone(),
            signing_secret: section.signing_secret.clone(),
            app_token: section.app_token.clone(),
            api_url: section.api_url.clone(),
            authorize_url: section.authorize_url.clone(),
        };
        if !section.client_secret.expose().is_empty() {
            let sign_in =
                slack::SlackSignIn::new(&settings, http.clone(), Arc::clone(&makings.clock))
                    .context("`slack.authorize_url` is not an address")?;
            self.providers.push(Arc::new(sign_in));
        }
        let slack = Arc::new(slack::Slack::new(
            settings,
            http.clone(),
            Arc::clone(&makings.grants),
            Arc::clone(&makings.clock),
            Arc::clone(&makings.entropy),
        ));
        self.couriers.push(slack.clone());
        self.connectors.push(slack.clone());
        if !section.app_token.expose().is_empty() {
            self.listeners.push(slack.clone());
        }
        if !section.signing_secret.expose().is_empty() {
            self.webhooks.push(slack);
        }
        Ok(())
    }

    fn add_oidc(
        &mut self,
        key: &str,
        section: &OidcSection,
        http: &Http,
        makings: &Makings,
    ) -> anyhow::Result<()> {
        let settings = OidcSettings {
            key: key.to_owned(),
            label: section.label.clone(),
            issuer: section.issuer.clone(),
            client_id: section.client_id.clone(),
            client_secret: section.client_secret.clone(),
            scopes: section.scopes.clone(),
        };
        let provider = Oidc::new(settings, http.clone(), Arc::clone(&makings.clock))
            .with_context(|| format!("the section [oidc.{key}] of the configuration"))?;
        if self.providers.iter().any(|known| known.key() == key) {
            anyhow::bail!("[oidc.{key}] has the name of a platform: choose another");
        }
        self.providers.push(Arc::new(provider));
        Ok(())
    }

    /// Tells platforms that give roles by what is known here what there is to ask for.
    pub(crate) async fn describe_roles(&self) {
        let (Some(discord), Some(page)) = (&self.discord, &self.roles_page) else {
            return;
        };
        if let Err(error) = discord.sync_linked_roles(page).await {
            tracing::warn!(error = %error, "Discord does not know what linked roles may ask for; it is told again at the next start");
        }
    }

    /// Tells platforms that list commands which there are.
    pub(crate) async fn list_commands(&self, specs: &[CommandSpec]) {
        let Some(discord) = &self.discord else { return };
        if let Err(error) = discord.sync_commands(specs).await {
            tracing::warn!(error = %error, "Discord does not know our slash commands yet; they are sent again at the next start");
        }
    }
}

#[cfg(test)]
mod tests;
