//! A throw-away PostgreSQL cluster for the tests of one process, and a fresh database for each test.
//! It is no fixture of data: databases begin empty. Where PostgreSQL is not installed it says so, once a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Set to 1 where PostgreSQL must be there (CI): then its absence fails the tests.
const REQUIRED: &str = "TAGDECK_REQUIRE_POSTGRES";

/// Runs the server until its standard input ends, which it does when this process does, however it ends.
const SCRIPT: &str = r#"
cd /
dir=$(mktemp -d "${TMPDIR:-/tmp}/tagdeck-postgres.XXXXXX") || exit 1
server=
stop() {
    trap '' EXIT INT TERM HUP
    [ -n "$server" ] && kill -QUIT "$server" 2>/dev/null && wait "$server" 2>/dev/null
    rm -rf "$dir"
    exit
}
trap stop EXIT INT TERM HUP
"$0/initdb" -D "$dir/data" -U tagdeck -A trust -E UTF8 --locale=C --no-sync >"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }
start() {
    "$0/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= -c max_connections=400 -c shared_buffers=64MB \
        -c fsync=off -c synchronous_commit=off -c full_page_writes=off </dev/null >>"$dir/log" 2>&1 &
    server=$!
    tries=0
    until "$0/pg_isready" -q -h "$dir" -U tagdeck -d postgres; do
        tries=$((tries + 1))
        kill -0 "$server" 2>/dev/null && [ "$tries" -lt 600 ] || { cat "$dir/log" >&2; exit 1; }
        sleep 0.05
    done
    echo "$dir"
}
start
while read -r order; do
    case $order in
        stop) kill -INT "$server" && wait "$server"; server=; echo stopped ;;
        start) start ;;
    esac
done
"#;

struct Cluster {
    folder: String,
    /// The server stops when its standard input closes.
    orders: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// Address of a new, empty database; `None` when there is no PostgreSQL here and none is required.
pub async fn database() -> Option<String> {
    let cluster = tokio::task::spawn_blocking(|| CLUSTER.get_or_init(start)).await.expect("starting PostgreSQL panicked");
    let Some(cluster) = cluster else {
        assert!(std::env::var(REQUIRED).as_deref() != Ok("1"), "{REQUIRED}=1, but no PostgreSQL could be started here");
        eprintln!("not run on PostgreSQL: it is not installed here (looked in /usr/lib/postgresql/*/bin)");
        return None;
    };
    let name = format!("t{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let address = |database: &str| format!("postgres://tagdeck@localhost/{database}?host={}", cluster.folder);
    let mut conn = PgConnection::connect(&address("postgres")).await.expect("the throw-away PostgreSQL does not answer");
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut conn).await.expect("CREATE DATABASE failed");
    conn.close().await.expect("closing failed");
    Some(address(&name))
}

fn start() -> Option<Cluster> {
    let programs = newest_installed()?;
    let mut command = if is_root() {
        // The server refuses to run as root.
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    let mut server = command.arg("-c").arg(SCRIPT).arg(&programs).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    let mut folder = String::new();
    let mut said = BufReader::new(server.stdout.take()?);
    said.read_line(&mut folder).ok()?;
    let folder = folder.trim().to_owned();
    (!folder.is_empty()).then_some(Cluster { folder, orders: Mutex::new((server.stdin.take()?, said)) })
}

/// Stops the server, as an administrator does who does not wait for clients, or starts it again; for tests that have it alone.
#[allow(dead_code, reason = "most tests let it run")]
pub fn order(order: &str) {
    let cluster = CLUSTER.get().and_then(Option::as_ref).expect("no PostgreSQL was started");
    let mut orders = cluster.orders.lock().unwrap();
    writeln!(orders.0, "{order}").unwrap();
    let mut done = String::new();
    orders.1.read_line(&mut done).unwrap();
    assert!(!done.is_empty(), "PostgreSQL did not {order}");
}

fn newest_installed() -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, programs)| programs.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().map(|(_, programs)| programs)
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}
