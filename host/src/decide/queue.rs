//! Who decides now, who waits, and who is turned away: so many at a time, the more urgent first, and nobody for long.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

/// How urgent an event is. The most urgent is the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// A cluster waits for the answer.
    Admission,
    /// Somebody waits for the answer.
    #[default]
    Check,
    /// It can be had again later.
    Batch,
}

impl Priority {
    /// Every one, the most urgent first.
    pub const ALL: [Priority; 3] = [Priority::Admission, Priority::Check, Priority::Batch];
}

/// The places of those that decide, and the queues before them.
pub struct Queue {
    state: Mutex<State>,
    /// Those that may wait, of all priorities together.
    room: usize,
    wait: Duration,
}

struct State {
    free: usize,
    /// How many of those are not for everybody, by priority: what is not urgent never holds all.
    kept: [usize; Priority::ALL.len()],
    /// By priority; the first came first.
    waiting: [VecDeque<Waiting>; Priority::ALL.len()],
}

/// Somebody who waits; told when it is their turn. Who has gone is passed over.
type Waiting = oneshot::Sender<Place>;

/// A place; free again, or somebody else's, when it is dropped.
pub struct Place(Option<Arc<Queue>>);

/// There is no place, and none in time.
#[derive(Debug, PartialEq, Eq)]
pub struct Overloaded;

impl Queue {
    /// With so many places, for so many that wait so long.
    pub fn new(places: usize, room: usize, wait: Duration) -> Arc<Queue> {
        Arc::new(Queue {
            state: Mutex::new(State {
                free: places,
                kept: [0, places / 8, places / 4],
                waiting: Default::default(),
            }),
            room,
            wait,
        })
    }

    /// A place: now, or when those that are as urgent and came before, and those that are more urgent, have had theirs.
    pub async fn place(self: &Arc<Queue>, priority: Priority) -> Result<Place, Overloaded> {
        let turn = {
            let mut state = self.lock();
            if state.may_enter(priority) {
                state.free -= 1;
                return Ok(Place(Some(Arc::clone(self))));
            }
            state.make_room(priority, self.room)?;
            let (turn, told) = oneshot::channel();
            if let Some(queue) = state.waiting.get_mut(priority as usize) {
                queue.push_back(turn);
            }
            told
        };
        match tokio::time::timeout(self.wait, turn).await {
            Ok(Ok(place)) => Ok(place),
            // Turned away for somebody more urgent, or too late. A place that is given meanwhile goes back by itself.
            Ok(Err(_)) | Err(_) => Err(Overloaded),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether there is a place for somebody that urgent.
    fn may_enter(&self, priority: Priority) -> bool {
        let kept = self.kept.get(priority as usize);
        kept.is_some_and(|kept| self.free > *kept)
    }

    /// Who is next, if there is a place for them.
    fn next(&mut self) -> Option<Waiting> {
        let mut turns = Priority::ALL.into_iter();
        turns.find_map(|priority| {
            let may_enter = self.may_enter(priority);
            let queue = self.waiting.get_mut(priority as usize);
            queue.filter(|_| may_enter)?.pop_front()
        })
    }

    /// Makes sure that one more can wait: the last of the least urgent gives way to somebody more urgent.
    fn make_room(&mut self, priority: Priority, room: usize) -> Result<(), Overloaded> {
        let has_room =
            |state: &State| state.waiting.iter().map(VecDeque::len).sum::<usize>() < room;
        if has_room(self) {
            return Ok(());
        }
        for queue in &mut self.waiting {
            queue.retain(|waiting| !waiting.is_closed());
        }
        if has_room(self) {
            return Ok(());
        }
        let less_urgent = self.waiting.iter_mut().skip(priority as usize + 1);
        let mut last = less_urgent.rev().filter_map(VecDeque::pop_back);
        last.next().map(drop).ok_or(Overloaded)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(queue) = self.0.take() else { return };
        loop {
            let next = {
                let mut state = queue.lock();
                state.free += 1;
                let next = state.next();
                if next.is_some() {
                    state.free -= 1;
                }
                next
            };
            let Some(next) = next else { return };
            match next.send(Place(Some(Arc::clone(&queue)))) {
                Ok(()) => return,
                // Gone meanwhile: the next one, with the same place.
                Err(mut place) => place.0 = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// Waits in a task of its own, and notes when it had its turn.
    async fn enter(queue: &Arc<Queue>, priority: Priority, name: &'static str, book: &Book) {
        let (queue, book) = (Arc::clone(queue), Arc::clone(book));
        tokio::spawn(async move {
            let place = queue.place(priority).await;
            let note = if place.is_ok() { name } else { "turned away" };
            book.lock().unwrap().push(note);
        });
        // So that it stands in the queue.
        tokio::task::yield_now().await;
    }

    type Book = Arc<Mutex<Vec<&'static str>>>;

    async fn settle(book: &Book, count: usize) -> Vec<&'static str> {
        while book.lock().unwrap().len() < count {
            tokio::task::yield_now().await;
        }
        std::mem::take(&mut *book.lock().unwrap())
    }

    #[tokio::test]
    async fn the_more_urgent_come_first_and_then_who_came_first() {
        let (queue, book) = (Queue::new(1, 10, LONG), Book::default());
        let place = queue.place(Priority::Batch).await.ok();
        for (priority, name) in [
            (Priority::Batch, "batch 1"),
            (Priority::Check, "check 1"),
            (Priority::Admission, "admission 1"),
            (Priority::Check, "check 2"),
            (Priority::Admission, "admission 2"),
        ] {
            enter(&queue, priority, name, &book).await;
        }
        drop(place);
        let turns = settle(&book, 5).await;
        assert_eq!(
            turns,
            [
                "admission 1",
                "admission 2",
                "check 1",
                "check 2",
                "batch 1"
            ]
        );
        assert_eq!(queue.lock().free, 1);
    }

    #[tokio::test]
    async fn who_is_less_urgent_gives_way_when_there_is_no_room() {
        let (queue, book) = (Queue::new(1, 2, LONG), Book::default());
        let place = queue.place(Priority::Check).await.ok();
        enter(&queue, Priority::Batch, "batch 1", &book).await;
        enter(&queue, Priority::Batch, "batch 2", &book).await;
        // As urgent as those that wait.
        assert!(queue.place(Priority::Batch).await.is_err());
        enter(&queue, Priority::Admission, "admission", &book).await;
        assert_eq!(settle(&book, 1).await, ["turned away"]);
        drop(place);
        assert_eq!(settle(&book, 2).await, ["admission", "batch 1"]);
    }

    #[tokio::test]
    async fn nobody_waits_for_long_and_who_has_gone_is_passed_over() {
        let queue = Queue::new(1, 2, Duration::from_millis(10));
        let place = queue.place(Priority::Check).await.ok();
        assert!(queue.place(Priority::Admission).await.is_err());
        assert!(queue.place(Priority::Admission).await.is_err());
        // These two are gone, and take no room.
        assert!(queue.place(Priority::Admission).await.is_err());
        drop(place);
        assert_eq!(queue.lock().free, 1);
        let nobody = Queue::new(0, 0, LONG);
        assert!(nobody.place(Priority::Admission).await.is_err());
    }

    #[tokio::test]
    async fn what_is_not_urgent_does_not_hold_all_places() {
        let queue = Queue::new(8, 10, Duration::from_millis(10));
        let mut places = Vec::new();
        for (priority, expected) in [
            (Priority::Batch, 6),
            (Priority::Check, 7),
            (Priority::Admission, 8),
        ] {
            while let Ok(place) = queue.place(priority).await {
                places.push(place);
            }
            assert_eq!(places.len(), expected, "{priority:?}");
        }
        // A place that comes free is not for the one who waits, but for somebody who may come.
        let book = Book::default();
        enter(&queue, Priority::Batch, "batch", &book).await;
        places.pop();
        assert_eq!(settle(&book, 1).await, ["turned away"]);
        assert!(queue.place(Priority::Admission).await.is_ok());
        drop(places);
        assert_eq!(queue.lock().free, 8);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_place_is_lost_or_made() {
        let queue = Queue::new(3, 1000, Duration::from_millis(1));
        let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let tasks = (0..400_usize).map(|n| {
            let (queue, inside, most) =
                (Arc::clone(&queue), Arc::clone(&inside), Arc::clone(&most));
            tokio::spawn(async move {
                let priority = Priority::ALL[n % 3];
                let Ok(_place) = queue.place(priority).await else {
                    return;
                };
                let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                tokio::task::yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        assert!(most.load(Ordering::SeqCst) <= 3);
        assert_eq!(queue.lock().free, 3);
    }
}
