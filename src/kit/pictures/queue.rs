//! Images that wait to be made: each member's in the order in which they came, the members in turn.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender, unbounded};

/// Maximum number of images that wait.
const MAX_WAITING: usize = 200;

/// Maximum number of images of one member that wait.
const MAX_OF_ONE: usize = 4;

/// The members whose images wait, the next one first, and the images of each.
type Members<T> = Arc<Mutex<VecDeque<(i64, VecDeque<T>)>>>;

/// Too many are waiting, of this member or of all.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// Where images are put; the queue ends with its last clone.
pub(super) struct Queue<T> {
    members: Members<T>,
    /// One word for each image.
    words: Sender<()>,
}

/// The images, in the order in which they are to be made.
pub(super) struct Turns<T> {
    members: Members<T>,
    words: Receiver<()>,
}

/// A queue and its end.
pub(super) fn queue<T>() -> (Queue<T>, Turns<T>) {
    let members = Members::default();
    let (words, heard) = unbounded();
    (Queue { members: Arc::clone(&members), words }, Turns { members, words: heard })
}

fn locked<T>(members: &Members<T>) -> MutexGuard<'_, VecDeque<(i64, VecDeque<T>)>> {
    members.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Queue<T> {
    /// Puts an image behind the others of its member.
    ///
    /// # Errors
    /// [`Full`].
    pub fn push(&self, member: i64, image: T) -> Result<(), Full> {
        let mut members = locked(&self.members);
        if members.iter().map(|(_, images)| images.len()).sum::<usize>() >= MAX_WAITING {
            return Err(Full);
        }
        match members.iter_mut().find(|(other, _)| *other == member) {
            Some((_, images)) if images.len() >= MAX_OF_ONE => return Err(Full),
            Some((_, images)) => images.push_back(image),
            None => members.push_back((member, VecDeque::from([image]))),
        }
        self.words.send(()).map_err(|_| Full)
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self { members: Arc::clone(&self.members), words: self.words.clone() }
    }
}

impl<T> Iterator for Turns<T> {
    type Item = T;

    /// Waits for an image; none once nobody can send one any more.
    fn next(&mut self) -> Option<T> {
        self.words.recv().ok()?;
        let mut members = locked(&self.members);
        let (member, mut images) = members.pop_front()?;
        let image = images.pop_front();
        if !images.is_empty() {
            members.push_back((member, images));
        }
        image
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn member_with_many_images_waits_for_the_others() {
        let (queue, mut turns) = queue();
        for image in ["a1", "a2", "a3"] {
            queue.push(1, image).unwrap();
        }
        queue.push(2, "b1").unwrap();
        assert_eq!(turns.next(), Some("a1"));
        queue.push(1, "a4").unwrap();
        queue.push(3, "c1").unwrap();
        drop(queue);
        assert_eq!(turns.collect::<Vec<_>>(), ["b1", "a2", "c1", "a3", "a4"]);
    }

    #[test]
    fn queue_that_is_full_takes_no_more() {
        let (queue, mut turns) = queue();
        for image in 0..4 {
            queue.push(1, image).unwrap();
        }
        assert_eq!(queue.push(1, 4), Err(Full), "one member has so many places");
        for member in 2..198 {
            queue.push(member, 0).unwrap();
        }
        assert_eq!(queue.push(1000, 0), Err(Full), "so many places are there");
        turns.next();
        queue.push(1000, 0).unwrap();
    }
}
