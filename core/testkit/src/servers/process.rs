//! One server's processes: started, watched over, frozen and ended by their ids.

use super::LIFE;
use std::{
    ffi::OsString,
    fmt::Write as _,
    fs::File,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// A loaded machine needs patience; a server that is not up by then will not be.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// A server that has not ended by itself by then is killed.
const STOP_LIMIT: Duration = Duration::from_secs(15);
/// The processes of a killed server are gone by then.
const GONE_LIMIT: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// Waits until the test lets go of its standard input (it ended, however it ended) or the server's life is over, and then
/// ends the server, what it started, and its folder. Arguments: process id, folder, seconds.
const WATCHDOG: &str = r#"
if command -v timeout >/dev/null; then timeout "$3" cat; else cat; fi >/dev/null
started=""
for stat in /proc/[0-9]*/stat; do
  read -r pid name state parent rest <"$stat" && [ "$parent" = "$1" ] && started="$started $pid"
done
kill -s KILL "$1" $started
rm -rf -- "$2"
"#;

/// How to run a server.
#[derive(Debug)]
pub(super) struct Recipe {
    pub(super) name: &'static str,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    /// What it writes to its log once it serves.
    pub(super) ready: &'static str,
    /// The signal that asks it to end.
    pub(super) stop: &'static str,
}

#[derive(Debug)]
pub(super) struct Process {
    recipe: Recipe,
    folder: PathBuf,
    log: PathBuf,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    server: Child,
    watchdog: Child,
}

impl Process {
    pub(super) fn new(recipe: Recipe, folder: &Path) -> Self {
        let log = folder.join("server.log");
        Self { recipe, folder: folder.to_owned(), log, running: Mutex::new(None) }
    }

    /// Starts it and waits until it serves.
    ///
    /// # Panics
    /// If it ends, or does not serve in time; the message holds what it said.
    pub(super) fn start(&self) {
        let log = File::create(&self.log).expect("a log file");
        let second = log.try_clone().expect("the same log file");
        let server = Command::new(&self.recipe.program)
            .args(&self.recipe.arguments)
            .current_dir("/")
            .env_remove("NOTIFY_SOCKET")
            // Its own group: Ctrl-C in a terminal ends the test, and the test (or the watchdog) ends the server.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(second)
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", self.recipe.program.display()));
        let watchdog = watchdog(server.id(), &self.folder);
        *self.running() = Some(Running { server, watchdog });
        self.wait_until_ready();
    }

    fn wait_until_ready(&self) {
        let start = Instant::now();
        while !self.log().contains(self.recipe.ready) {
            if !self.is_running() || start.elapsed() > READY_LIMIT {
                panic!("{} did not come up; it said:\n{}", self.recipe.name, self.log());
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    pub(super) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    pub(super) fn is_running(&self) -> bool {
        self.running().as_mut().is_some_and(|running| matches!(running.server.try_wait(), Ok(None)))
    }

    pub(super) fn stop(&self) {
        let Some(mut running) = self.running().take() else { return };
        // A frozen server would never hear of it.
        let tree = tree(running.server.id());
        signal("CONT", &tree);
        signal(self.recipe.stop, &[running.server.id()]);
        let start = Instant::now();
        while matches!(running.server.try_wait(), Ok(None)) {
            if start.elapsed() > STOP_LIMIT {
                panic!("{} does not stop; it said:\n{}", self.recipe.name, self.log());
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    pub(super) fn kill(&self) {
        drop(self.running().take());
    }

    pub(super) fn pause(&self) {
        self.signal_all("STOP");
    }

    pub(super) fn resume(&self) {
        self.signal_all("CONT");
    }

    fn signal_all(&self, name: &str) {
        let running = self.running();
        let running = running.as_ref().expect("the server runs");
        signal(name, &tree(running.server.id()));
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The watchdog first: once the server is reaped, its id may belong to somebody else.
        end(&mut self.watchdog);
        if matches!(self.server.try_wait(), Ok(None)) {
            let tree = tree(self.server.id());
            signal("KILL", &tree);
            end(&mut self.server);
            let start = Instant::now();
            while tree.iter().any(|id| lives(*id)) && start.elapsed() < GONE_LIMIT {
                thread::sleep(LOOK_AGAIN);
            }
        }
    }
}

/// A process that cannot be killed or waited for has ended already.
fn end(child: &mut Child) {
    drop(child.kill());
    drop(child.wait());
}

fn watchdog(server: u32, folder: &Path) -> Child {
    Command::new("sh")
        .args(["-c", WATCHDOG, "watchdog", &server.to_string()])
        .arg(folder)
        .arg(LIFE.as_secs().to_string())
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh is there")
}

/// Through the shell, which has `kill` built in: some systems come without the program.
fn signal(name: &str, ids: &[u32]) {
    let mut script = format!("kill -s {name}");
    for id in ids {
        write!(script, " {id}").expect("a string takes all");
    }
    // One of them may have ended meanwhile.
    drop(Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).status());
}

/// The process and what it started itself. PostgreSQL gives each child a session of its own, so a group is not enough.
fn tree(root: u32) -> Vec<u32> {
    let ids = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let children = ids.filter(|id| stat(*id).is_some_and(|(_, parent)| parent == root));
    std::iter::once(root).chain(children).collect()
}

fn lives(id: u32) -> bool {
    stat(id).is_some_and(|(state, _)| state != 'Z')
}

/// State and parent of a process. The name before them is in parentheses and may hold anything.
fn stat(id: u32) -> Option<(char, u32)> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}
