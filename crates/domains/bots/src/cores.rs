//! The same done for many things, on all of the machine's cores at once.
//!
//! Must never wait for anything but the processor, and must never change what comes out: that has the order of the things, however many
//! cores there are.

use std::{num::NonZero, panic::resume_unwind, thread};

use tokio::runtime::{Handle, RuntimeFlavor};

/// So many things take longer than it takes to begin a thread for them, many times.
const WORTH: usize = 64;

/// What comes out for each of some things. Few of them are done at once here.
pub(crate) fn each<T: Sync, R: Send>(things: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    on(cores, things, &work)
}

fn on<T: Sync, R: Send>(cores: usize, things: &[T], work: &(impl Fn(&T) -> R + Sync)) -> Vec<R> {
    let threads = (things.len() / WORTH).min(cores).max(1);
    let part = things.len().div_ceil(threads).max(1);
    let all = |part: &[T]| part.iter().map(work).collect::<Vec<R>>();
    if threads == 1 {
        return all(things);
    }
    let (own, others) = things.split_at(part);
    let begin = || {
        thread::scope(|scope| {
            let others: Vec<_> = others
                .chunks(part)
                .map(|part| scope.spawn(move || all(part)))
                .collect();
            let mut found = all(own);
            for other in others {
                found.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
            }
            found
        })
    };
    // Whoever else is served by this thread goes on elsewhere. A runtime of one thread has no elsewhere.
    let flavor = Handle::try_current().map(|runtime| runtime.runtime_flavor());
    if matches!(flavor, Ok(RuntimeFlavor::MultiThread)) {
        tokio::task::block_in_place(begin)
    } else {
        begin()
    }
}

#[cfg(test)]
mod tests {
    use super::{WORTH, on};
    use std::{collections::HashSet, sync::Mutex, thread, time::Duration};

    fn squares(n: u64) -> Vec<u64> {
        (0..n).map(|n| n * n).collect()
    }

    #[test]
    fn what_comes_out_has_the_order_of_the_things_on_any_number_of_cores() {
        for n in [0, 1, 63, 64, 127, 128, 129, 500, 1_001] {
            let things: Vec<u64> = (0..n).collect();
            for cores in [1, 2, 3, 7, 64] {
                assert_eq!(on(cores, &things, &|n| n * n), squares(n), "{n} on {cores}");
            }
        }
    }

    fn threads(cores: usize, n: usize) -> usize {
        let seen = Mutex::new(HashSet::new());
        on(cores, &vec![(); n], &|()| {
            seen.lock().unwrap().insert(thread::current().id())
        });
        seen.into_inner().unwrap().len()
    }

    #[test]
    fn few_things_take_no_thread_and_many_no_more_than_there_are_cores() {
        assert_eq!(threads(8, 2 * WORTH - 1), 1);
        assert_eq!(threads(8, 2 * WORTH), 2);
        assert_eq!(threads(3, 100 * WORTH), 3);
        assert_eq!(threads(1, 100 * WORTH), 1);
    }

    #[tokio::test]
    async fn a_runtime_of_one_thread_does_it_too() {
        let things: Vec<u64> = (0..300).collect();
        assert_eq!(on(2, &things, &|n| n * n), squares(300));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn others_of_the_runtime_go_on_meanwhile() {
        let task = tokio::spawn(async {
            let (said, heard) = std::sync::mpsc::channel();
            let heard = Mutex::new(heard);
            // It waits for this thread, the only one, unless that is given away.
            tokio::spawn(async move { (0..2 * WORTH).try_for_each(|n| said.send(n)) });
            let long = Duration::from_secs(60);
            let things = vec![(); 2 * WORTH];
            on(2, &things, &|()| {
                heard.lock().unwrap().recv_timeout(long).is_ok()
            })
        });
        assert_eq!(task.await.unwrap(), vec![true; 2 * WORTH]);
    }

    #[test]
    #[should_panic(expected = "this one")]
    fn a_panic_is_not_lost() {
        let things: Vec<usize> = (0..10 * WORTH).collect();
        on(4, &things, &|n| assert!(*n != 10 * WORTH - 1, "this one"));
    }
}
