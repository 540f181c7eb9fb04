//! The Discord adapter against the simulated Discord: every request goes over the wire.

#[cfg(test)]
#[path = "discord"]
mod discord {
    mod calls;
    mod hearing;
    mod limits;
    mod orders;
    mod rig;
}
