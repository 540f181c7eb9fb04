//! A courier that goes nowhere: it remembers what it was given and answers as it is told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use kernel::{CarryError, Courier, Haste, Medium, Order, Receipt, Turn};
use tokio::sync::{Semaphore, watch};

/// Its memory and its orders. Unless told otherwise it says «now» to everything and delivers it
/// under the ids `message-1`, `message-2`, …
#[derive(Debug)]
pub struct TestCourier {
    medium: Medium,
    knows_nonces: bool,
    script: Mutex<Script>,
    n_carried: watch::Sender<usize>,
    gate: Option<Semaphore>,
}

#[derive(Debug, Default)]
struct Script {
    orders: Vec<Order>,
    asked: Vec<Haste>,
    n_ended: usize,
    n_left: usize,
    answers: VecDeque<Result<Receipt, CarryError>>,
    turns: VecDeque<Result<Turn, CarryError>>,
}

impl TestCourier {
    /// One for a medium, whose platform knows no nonces.
    pub fn new(medium: Medium) -> Arc<Self> {
        Arc::new(Self::build(medium, false, None))
    }

    /// One whose platform drops a second message with the same nonce.
    pub fn knowing_nonces(medium: Medium) -> Arc<Self> {
        Arc::new(Self::build(medium, true, None))
    }

    /// One that carries nothing to its end before it is told to: see [`TestCourier::release`].
    pub fn holding(medium: Medium) -> Arc<Self> {
        Arc::new(Self::build(medium, false, Some(Semaphore::new(0))))
    }

    fn build(medium: Medium, knows_nonces: bool, gate: Option<Semaphore>) -> Self {
        Self {
            medium,
            knows_nonces,
            script: Mutex::default(),
            n_carried: watch::Sender::new(0),
            gate,
        }
    }

    /// The next calls are answered like this, in turn; later ones are delivered.
    pub fn answer(&self, answers: impl IntoIterator<Item = Result<Receipt, CarryError>>) {
        self.script.lock().unwrap().answers.extend(answers);
    }

    /// The next questions for a turn are answered like this, in turn; later ones with «now».
    pub fn turns(&self, turns: impl IntoIterator<Item = Result<Turn, CarryError>>) {
        self.script.lock().unwrap().turns.extend(turns);
    }

    /// What it was given, in order, each try apart.
    pub fn orders(&self) -> Vec<Order> {
        self.script.lock().unwrap().orders.clone()
    }

    /// How it was asked for turns, in order.
    pub fn asked(&self) -> Vec<Haste> {
        self.script.lock().unwrap().asked.clone()
    }

    /// How many calls came to their end.
    pub fn n_ended(&self) -> usize {
        self.script.lock().unwrap().n_ended
    }

    /// How many turns were given back.
    pub fn n_left(&self) -> usize {
        self.script.lock().unwrap().n_left
    }

    /// Lets so many held calls end.
    pub fn release(&self, n: usize) {
        if let Some(gate) = &self.gate {
            gate.add_permits(n);
        }
    }

    /// Waits until it was given so many orders in all.
    pub async fn reaches(&self, n: usize) {
        self.n_carried
            .subscribe()
            .wait_for(|carried| *carried >= n)
            .await
            .unwrap();
    }
}

#[async_trait]
impl Courier for TestCourier {
    fn medium(&self) -> Medium {
        self.medium
    }

    fn turn(&self, _order: &Order, haste: Haste) -> Result<Turn, CarryError> {
        let mut script = self.script.lock().unwrap();
        script.asked.push(haste);
        script.turns.pop_front().unwrap_or(Ok(Turn::Now))
    }

    fn leave(&self, _order: &Order) {
        self.script.lock().unwrap().n_left += 1;
    }

    fn knows_nonces(&self, _order: &Order) -> bool {
        self.knows_nonces
    }

    async fn carry(&self, order: &Order) -> Result<Receipt, CarryError> {
        let (n, answer) = {
            let mut script = self.script.lock().unwrap();
            script.orders.push(order.clone());
            (script.orders.len(), script.answers.pop_front())
        };
        self.n_carried.send_replace(n);
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        self.script.lock().unwrap().n_ended += 1;
        answer.unwrap_or_else(|| {
            Ok(Receipt {
                message_id: Some(format!("message-{n}")),
                is_confirmed: true,
                was_cut: false,
            })
        })
    }
}
