//! PostgreSQL: TLS and SCRAM alone, an administrator named as all tests' user, everything durable.

use super::{Door, Ground, Recipe, Server, USER, programs};
use std::{
    ffi::OsString,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::Command,
};

/// The accounts that it may run under: it refuses root.
const NORMAL_USERS: [&str; 2] = ["postgres", "nobody"];

/// A PostgreSQL server. Only TLS connections with SCRAM are let in, over TCP; there is no Unix socket.
#[derive(Debug)]
pub struct Postgres {
    pub(super) server: Server,
    programs: PathBuf,
}

impl Postgres {
    /// How to install it, where it is not.
    #[must_use]
    pub fn lacking() -> Option<String> {
        programs::postgres().err()
    }

    /// A fresh server, or `None` where tests need nothing.
    #[must_use]
    pub fn start() -> Option<Self> {
        if programs::skipped("PostgreSQL") {
            return None;
        }
        let programs = programs::needed(programs::postgres());
        let ground = Ground::new("postgres", Door::Tls);
        let account = Account::of_the_folder(&ground);
        initialise(&ground, &programs, account.as_ref());
        let (program, arguments) =
            run_as(account.as_ref(), programs.join("postgres"), vec!["-D".into(), ground.path("data").into()]);
        let recipe = Recipe {
            name: "PostgreSQL",
            program,
            arguments,
            ready: "database system is ready to accept connections",
            // Fast shutdown: the polite one waits for all clients to leave.
            stop: "INT",
        };
        Some(Self { server: Server::launch(ground, recipe), programs })
    }

    /// The database that is there from the start.
    #[must_use]
    pub fn database(&self) -> &'static str {
        "postgres"
    }

    /// One of the programs that come with the server, as `pgbench`.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// Runs statements as the administrator, over a connection of its own, and returns the rows as text.
    ///
    /// # Panics
    /// If the server refuses one.
    #[must_use]
    pub fn sql(&self, statements: &str) -> String {
        let target = format!(
            "host=localhost hostaddr=127.0.0.1 port={} user={USER} dbname={} sslmode=verify-full sslrootcert={}",
            self.port(),
            self.database(),
            self.ca_file().display()
        );
        let mut psql = Command::new(self.programs.join("psql"));
        psql.env("PGPASSWORD", self.password());
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &target, "-c", statements]);
        run(psql)
    }
}

/// A user of the machine, by number.
#[derive(Debug)]
struct Account {
    user: u32,
    group: u32,
}

impl Account {
    /// Root hands the folder over to a normal user, as whom the server then runs; anybody else runs it himself.
    fn of_the_folder(ground: &Ground) -> Option<Self> {
        let folder = ground.folder.path();
        if std::fs::metadata(folder).expect("the folder").uid() != 0 {
            return None;
        }
        let account = NORMAL_USERS.iter().find_map(|name| Self::named(name)).expect("a user that is not root");
        let keys = &ground.certificates;
        for path in [folder, &keys.server_key, keys.server.as_path()] {
            chown(path, Some(account.user), Some(account.group)).expect("root hands over the folder");
        }
        Some(account)
    }

    fn named(name: &str) -> Option<Self> {
        let users = std::fs::read_to_string("/etc/passwd").ok()?;
        let line = users.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let mut fields = line.split(':').skip(1);
        Some(Self { user: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
    }
}

fn run_as(account: Option<&Account>, program: PathBuf, arguments: Vec<OsString>) -> (PathBuf, Vec<OsString>) {
    let Some(Account { user, group }) = account else { return (program, arguments) };
    // It replaces itself by the program, so the process id is the server's.
    let mut all: Vec<OsString> =
        [format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".into()].map(Into::into).into();
    all.push(program.into());
    all.extend(arguments);
    ("setpriv".into(), all)
}

fn initialise(ground: &Ground, programs: &Path, account: Option<&Account>) {
    let secret = ground.write("password", &ground.password);
    if let Some(account) = account {
        chown(&secret, Some(account.user), Some(account.group)).expect("root hands over the password");
    }
    let data = ground.path("data");
    let mut arguments: Vec<OsString> =
        ["-U", USER, "-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions", "-D"]
            .map(Into::into)
            .into();
    arguments.push(data.clone().into());
    arguments.push("--pwfile".into());
    arguments.push(secret.into());
    let (program, arguments) = run_as(account, programs.join("initdb"), arguments);
    let mut initdb = Command::new(program);
    initdb.args(arguments).current_dir("/").env("PATH", search_path(programs));
    drop(run(initdb));
    append(&data.join("postgresql.conf"), &settings(ground));
    std::fs::write(data.join("pg_hba.conf"), "hostssl all all 127.0.0.1/32 scram-sha-256\n").expect("its door");
}

fn settings(ground: &Ground) -> String {
    let keys = &ground.certificates;
    format!(
        "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = ''\nssl = on\nssl_cert_file = '{}'\n\
         ssl_key_file = '{}'\nssl_ca_file = '{}'\npassword_encryption = 'scram-sha-256'\nshared_buffers = 32MB\n\
         max_connections = 60\nlogging_collector = off\nlog_timezone = 'UTC'\ntimezone = 'UTC'\n",
        ground.number(),
        keys.server.display(),
        keys.server_key.display(),
        keys.ca.display()
    )
}

fn append(path: &Path, text: &str) {
    let before = std::fs::read_to_string(path).expect("initdb wrote its settings");
    std::fs::write(path, before + text).expect("its settings");
}

fn search_path(programs: &Path) -> OsString {
    let before = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(programs.to_owned()).chain(std::env::split_paths(&before));
    std::env::join_paths(folders).expect("folders of the PATH")
}

fn run(mut command: Command) -> String {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{} does not start: {error}", command.get_program().display());
    });
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} failed: {said}", command.get_program().display());
    String::from_utf8_lossy(&output.stdout).into_owned()
}
