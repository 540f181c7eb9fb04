//! A device with passkeys that the browser simulates by itself, plugged into one tab.

use anyhow::{Context, Result};
use chromiumoxide::{
    Page,
    cdp::browser_protocol::web_authn::{
        AddVirtualAuthenticatorParams, AuthenticatorId, AuthenticatorProtocol,
        AuthenticatorTransport, EnableParams, RemoveVirtualAuthenticatorParams,
        SetAutomaticPresenceSimulationParams, SetUserVerifiedParams, VirtualAuthenticatorOptions,
    },
};

use crate::tab::Tab;

/// Like the lock of a laptop: it keeps passkeys and checks its owner's finger.
#[derive(Debug)]
pub struct Device {
    page: Page,
    id: AuthenticatorId,
}

impl Device {
    /// Plugs a new one into a tab.
    pub async fn plug_in(tab: &Tab) -> Result<Self> {
        let page = tab.page().clone();
        page.execute(EnableParams::default()).await?;
        let options = VirtualAuthenticatorOptions::builder()
            .protocol(AuthenticatorProtocol::Ctap2)
            .transport(AuthenticatorTransport::Internal)
            .has_resident_key(true)
            .has_user_verification(true)
            .is_user_verified(true)
            .automatic_presence_simulation(true)
            .build()
            .map_err(anyhow::Error::msg)?;
        let added = page
            .execute(AddVirtualAuthenticatorParams::new(options))
            .await
            .context("plugging a device in")?;
        Ok(Self {
            page,
            id: added.result.authenticator_id.clone(),
        })
    }

    /// Whether it recognises its owner.
    pub async fn verifies(&self, is_owner: bool) -> Result<()> {
        let params = SetUserVerifiedParams::new(self.id.clone(), is_owner);
        self.page.execute(params).await?;
        Ok(())
    }

    /// Whether its owner touches it when it is asked; else it waits.
    pub async fn answers(&self, is_touched: bool) -> Result<()> {
        let params = SetAutomaticPresenceSimulationParams::new(self.id.clone(), is_touched);
        self.page.execute(params).await?;
        Ok(())
    }

    /// Takes it away with its passkeys.
    pub async fn unplug(self) -> Result<()> {
        let params = RemoveVirtualAuthenticatorParams::new(self.id);
        self.page.execute(params).await?;
        Ok(())
    }
}
