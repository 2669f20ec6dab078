//! Trainings on this machine, requested by the page: they run one at a time, and can be paused, cancelled, and
//! continued after the service ended.
//!
//! Their records are also on disk, so that they are still right however the service ended: a training that was running
//! is then *stopped*, and continues from its last checkpoint on request.

mod folder;
mod record;
mod training;

pub use record::{Record, Wanted};

use super::Host;
use super::failure::{Failure, Outcome};
use super::limits::Limits;
use super::model::Models;
use crate::files::{Lock, same_place, write_new};
use crate::hash::sha256_of;
use crate::{Error, Result};
use folder::Folder;
use record::State;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, watch};

/// The most trainings that are remembered, and the most that may be active at a time.
const MOST_JOBS: usize = 100;
const MOST_ACTIVE: usize = 8;

/// The most pages that may listen at a time.
const MOST_LISTENERS: usize = 32;

/// All trainings.
pub struct Jobs {
    folder: Folder,
    models: Arc<Models>,
    host: Arc<dyn Host>,
    most_pictures: usize,
    most_bytes: u64,
    all: Mutex<BTreeMap<u64, Record>>,
    /// Signals that a training should begin, continue or end.
    changed: Condvar,
    /// Counts the changes, for listeners.
    version: watch::Sender<u64>,
    /// The listeners' places.
    pub listeners: Arc<Semaphore>,
    stopping: AtomicBool,
    _lock: Lock,
}

impl Jobs {
    /// Opens the folder `root`: its models are served, its trainings can be continued.
    ///
    /// # Errors
    /// The folder cannot be used, or another service uses it.
    pub fn open(
        root: &Path,
        models: &Arc<Models>,
        limits: &Limits,
        host: Arc<dyn Host>,
    ) -> Result<Arc<Self>> {
        std::fs::create_dir_all(root).map_err(|e| Error::io(root, e))?;
        let lock = Lock::take(&root.join(".lock"))?.ok_or_else(|| {
            let reason =
                "another service trains into this folder; end it, or choose another folder with `models`";
            Error::Temporary(format!("{}: {reason}", root.display()))
        })?;
        let folder = Folder::open(root)?;
        for path in folder.models()? {
            // A model that was also named as an option is already served.
            let served = models.all().iter().any(|served| same_place(&served.path, &path));
            if let Err(error) = if served { Ok(()) } else { models.add(&path) } {
                host.say(&format!("warning: not served: {error}"));
            }
        }
        let mut all = BTreeMap::new();
        for (id, record) in folder.records()? {
            match record {
                Some(record) => all.extend(found(&folder, record, &*host).map(|record| (id, record))),
                None => host.say(&format!(
                    "warning: what is known of training {id} cannot be read; it is left alone"
                )),
            }
        }
        Ok(Arc::new(Self {
            folder,
            models: Arc::clone(models),
            host,
            most_pictures: limits.training_pictures,
            most_bytes: limits.training_bytes,
            all: Mutex::new(all),
            changed: Condvar::new(),
            version: watch::Sender::new(0),
            listeners: Arc::new(Semaphore::new(MOST_LISTENERS)),
            stopping: AtomicBool::new(false),
            _lock: lock,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Record>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All trainings, the oldest first.
    pub fn list(&self) -> Vec<Record> {
        self.lock().values().cloned().collect()
    }

    /// Notifies of changes.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    fn tell(&self) {
        self.version.send_modify(|version| *version += 1);
        self.changed.notify_all();
    }

    /// Whether the service is about to end.
    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Whether the service is about to end and no training runs any more.
    pub fn has_ended(&self) -> bool {
        self.is_stopping() && !self.lock().values().any(|record| record.computing)
    }

    /// Saves the running training so that it can continue later, and begins no other.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        // A thread that checked before this has begun to wait by now.
        drop(self.lock());
        self.tell();
    }

    /// Adds a training, which has no pictures yet.
    ///
    /// # Errors
    /// Its name is taken, a setting is impossible, or there are too many trainings.
    pub fn add(&self, wanted: Wanted) -> Outcome<Record> {
        wanted.check()?;
        let mut all = self.lock();
        let name = &wanted.name;
        let taken = all.values().any(|other| other.wanted.name == *name && !other.state.is_over());
        if taken || self.models.get(name).is_some() || self.folder.model(name).exists() {
            return Err(Failure::bad(format!("there is already a model or training called {name}")));
        }
        while all.len() >= MOST_JOBS {
            let over =
                all.values().find(|other| other.state.is_over() && !other.computing).map(|other| other.id);
            let over =
                over.ok_or_else(|| Failure::busy(format!("{MOST_JOBS} trainings are kept; remove some")))?;
            all.remove(&over);
            self.folder.clear(over);
        }
        let id = self.folder.make(all.keys().next_back().map_or(1, |last| last + 1))?;
        let record = Record::new(id, wanted);
        self.folder.save(&record).inspect_err(|_| self.folder.clear(id))?;
        all.insert(id, record.clone());
        drop(all);
        self.tell();
        Ok(record)
    }

    /// Adds good picture number `n` to a training that has not begun. An earlier picture with that number is
    /// replaced.
    ///
    /// # Errors
    /// There is no such training, it has begun, there are too many pictures, or the file cannot be written.
    pub fn put(&self, id: u64, n: usize, bytes: &[u8]) -> Outcome<Record> {
        if n >= self.most_pictures {
            return Err(Failure::large(format!("at most {} pictures are learned from", self.most_pictures)));
        }
        let (length, most) = (bytes.len() as u64, self.most_bytes);
        let used: u64 = self.lock().values().map(|record| record.bytes).sum();
        self.edit(id, |record| match record.state {
            State::Collecting if used.saturating_add(length) > most => Err(Failure::large(format!(
                "the pictures of all trainings are more than {} GiB; remove a training",
                most >> 30
            ))),
            State::Collecting => {
                record.bytes += length;
                record.coming += 1;
                Ok(())
            }
            _ => Err(Failure::bad("this training has begun; begin another one with these pictures")),
        })?;
        let written = self.folder.put(id, n, bytes);
        let record = self.edit(id, |record| {
            record.coming -= 1;
            match &written {
                Ok(None) => record.pictures += 1,
                Ok(Some(earlier)) => record.bytes = record.bytes.saturating_sub(*earlier),
                Err(_) => record.bytes -= length,
            }
            Ok(())
        });
        self.settle(id);
        written?;
        record
    }

    /// Begins or continues, pauses, or cancels a training.
    ///
    /// # Errors
    /// There is no such training, it cannot do that now, or too many are active.
    pub fn order(&self, id: u64, order: &str) -> Outcome<Record> {
        let active = self.lock().values().filter(|record| record.state.is_active()).count();
        let record = self.edit(id, |record| {
            let idle = !record.state.is_active();
            record.order(order)?;
            match record.state.is_active() && idle && active >= MOST_ACTIVE {
                true => Err(Failure::busy(format!("{MOST_ACTIVE} trainings wait already; try again later"))),
                false => Ok(()),
            }
        })?;
        self.keep(&record);
        self.settle(id);
        Ok(record)
    }

    /// Forgets a training that is over or stopped, and removes its pictures. Its model stays.
    ///
    /// # Errors
    /// There is no such training, or it is running.
    pub fn remove(&self, id: u64) -> Outcome<()> {
        let mut all = self.lock();
        let record = all.get(&id).ok_or_else(unknown)?;
        if record.state.is_active() || record.state == State::Collecting || record.computing {
            return Err(Failure::bad("cancel this training first"));
        }
        all.remove(&id);
        self.folder.clear(id);
        drop(all);
        self.tell();
        Ok(())
    }

    /// Changes the record of a training, if `change` allows it.
    fn edit(&self, id: u64, change: impl FnOnce(&mut Record) -> Outcome<()>) -> Outcome<Record> {
        let mut all = self.lock();
        let record = all.get_mut(&id).ok_or_else(unknown)?;
        let mut changed = record.clone();
        change(&mut changed)?;
        *record = changed.clone();
        drop(all);
        self.tell();
        Ok(changed)
    }

    /// Writes the record of a training to disk.
    fn keep(&self, record: &Record) {
        if let Err(error) = self.folder.save(record) {
            self.host.say(&format!("warning: training {}: {error}", record.id));
        }
    }

    /// Cleans up after a cancelled training, once nothing is being written there any more.
    fn settle(&self, id: u64) {
        let all = self.lock();
        if all
            .get(&id)
            .is_some_and(|record| record.state == State::Cancelled && !record.computing && record.coming == 0)
        {
            self.folder.clear(id);
        }
    }

    /// Gives a model its name, and serves it; returns a message about that, if there is one.
    ///
    /// # Errors
    /// The training was cancelled, the name is taken, or the file cannot be written.
    fn publish(&self, id: u64, name: &str, bytes: &[u8]) -> Result<Option<String>> {
        let made = sha256_of(bytes);
        let record = self.edit(id, |record| match record.state {
            State::Cancelled => Err(unknown()),
            _ => {
                record.made = Some(made);
                Ok(())
            }
        });
        // Saved first, so that after a sudden end the model is recognized as this training's.
        self.folder.save(&record.map_err(|_| gone())?)?;
        let path = self.folder.model(name);
        write_new(&path, bytes).map_err(|error| match error {
            Error::Io { path, source } if source.kind() == ErrorKind::AlreadyExists => {
                let reason = "something is called so by now; move it away, then go on with the training";
                Error::Setting(format!("{}: {reason}", path.display()))
            }
            error => error,
        })?;
        let said = self
            .models
            .add(&path)
            .err()
            .map(|error| format!("the model is trained, but not served: {error}"));
        self.host.say(&match &said {
            None => format!("training {id}: {name} is trained and served"),
            Some(words) => format!("warning: training {id}: {words}"),
        });
        Ok(said)
    }

    /// Runs waiting trainings until the service ends.
    pub fn work(&self) {
        while let Some(id) = self.next() {
            let result = training::train_job(self, id);
            let ended = self.edit(id, |record| {
                record.computing = false;
                match &result {
                    Ok(said) => {
                        (record.state, record.message) = (State::Done, said.clone());
                        record.model = Some(record.wanted.name.clone());
                        record.bytes = 0;
                    }
                    Err(_) if record.state == State::Cancelled => {}
                    Err(Error::Interrupted(_)) => record.state = State::Stopped,
                    Err(error) => (record.state, record.message) = (State::Failed, Some(error.to_string())),
                }
                Ok(())
            });
            let Ok(record) = ended else { continue };
            self.keep(&record);
            match record.state {
                State::Done => self.folder.strip(id),
                State::Cancelled => self.settle(id),
                State::Stopped => self.host.say(&format!("training {id} is kept to go on with")),
                _ => self.host.say(&format!("training {id}: {}", record.message.unwrap_or_default())),
            }
            // Notifies once more, for those who wait until everything has ended.
            self.tell();
        }
    }

    /// The next training to run; none when the service ends.
    fn next(&self) -> Option<u64> {
        let mut all = self.lock();
        loop {
            if self.is_stopping() {
                return None;
            }
            if let Some(record) = all.values_mut().find(|record| record.state == State::Waiting) {
                (record.state, record.computing) = (State::Training, true);
                let id = record.id;
                drop(all);
                self.tell();
                return Some(id);
            }
            all = self.changed.wait(all).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A training's record after the service ended in any way; none if the training cannot continue.
fn found(folder: &Folder, mut record: Record, host: &dyn Host) -> Option<Record> {
    match record.state {
        // A client that was still sending pictures starts again.
        State::Cancelled | State::Collecting => {
            folder.clear(record.id);
            return None;
        }
        state if state.is_active() => {
            let name = &record.wanted.name;
            if record.made.as_ref().is_some_and(|made| folder.holds(name, made)) {
                (record.state, record.model, record.bytes) = (State::Done, Some(name.clone()), 0);
                folder.strip(record.id);
            } else {
                record.state = State::Stopped;
            }
            if let Err(error) = folder.save(&record) {
                host.say(&format!("warning: training {}: {error}", record.id));
            }
        }
        _ => {}
    }
    Some(record)
}

fn unknown() -> Failure {
    Failure::unknown("there is no such training")
}

fn gone() -> Error {
    Error::Interrupted("the training was cancelled".into())
}
