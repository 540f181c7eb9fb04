//! What can be embedded in the program or stand outside of it: the event bus (in process or Redis),
//! blobs (a directory or S3), mail (an outbox directory or SMTP), the cache and the meter (in process
//! or Redis).
//!
//! Every trait has two implementations and one contract suite that runs on both. Must never know a
//! domain, the database or a face, and never decide which engine is used: the program does.
//! Nothing that must happen may depend on the bus, the cache or the meter: they may lose everything at
//! any time.

pub mod blobs;
pub mod bus;
pub mod cache;
pub mod mail;
pub mod meter;
mod redis_link;

#[cfg(test)]
mod outside;

pub use blobs::{Blob, BlobInfo, Blobs, BlobsError, S3Config, Sha256, Stored};
pub use bus::{Bus, BusError, MemoryBus, RedisBus, Signal, Subscription};
pub use cache::{Cache, CacheError, MemoryCache, RedisCache};
pub use mail::{
    Letter, Mail, MailCourier, MailError, Mailer, OutboxEntry, OutboxId, OutboxMail, OutboxMailer,
    SmtpMailer, letter,
};
pub use meter::{MemoryMeter, Meter, MeterError, Quota, Reading, RedisMeter};
