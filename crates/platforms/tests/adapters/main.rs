//! The adapters against the simulated platforms, over the wire: what all of them promise alike
//! (`conformance`), and what each does in its own way.

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod discord;
#[cfg(test)]
mod log;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod slack;
#[cfg(test)]
mod twitch;
