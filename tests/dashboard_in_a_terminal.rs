//! The dashboard as a person meets it: the real program on a real pseudo-terminal, read back through a terminal emulator.
//! What single panes look like is fixed by the snapshots beside them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

#[path = "support/deck.rs"]
mod deck;
#[path = "support/program.rs"]
mod program;
#[path = "support/unlisted.rs"]
mod unlisted;

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use deck::{Deck, FRAME, PATIENCE};
use program::Home;
use rustix::process::Signal;
use tagdeck::domain::JobKind;
use tagdeck::store::{Access, Store};
use unlisted::Unlisted;

const USUAL: (u16, u16) = (120, 36);
/// Longest way out past a terminal that takes nothing: a polite wait for it and for the engine, and a slow machine.
const WAY_OUT: Duration = Duration::from_secs(20);
/// Most wake-ups of all threads in 2.5 s with nothing to do.
const WOKEN: u64 = 250;

fn dashboard(home: &Home, args: &[&str]) -> Deck {
    Deck::open(&home.tagdeck(args), USUAL)
}

/// A home with so many posts in its database, tagged without any network.
fn home_with(posts: usize) -> Home {
    let home = Home::new();
    import(&home, 0, posts);
    home
}

fn import(home: &Home, from: usize, posts: usize) {
    let mut lines = String::new();
    for n in from..from + posts {
        writeln!(
            lines,
            r#"{{"channel":"Наука","message_id":{},"date":"2026-11-20T10:00:00Z","text":"Учёные нашли ударный кратер на Луне, запись {n} #космос"}}"#,
            n + 1
        )
        .unwrap();
    }
    home.write("posts.jsonl", lines);
    home.ok(&["import", "posts.jsonl"]);
}

#[test]
fn the_demo_can_be_watched_paused_and_left() {
    let home = Home::new();
    let mut deck = dashboard(&home, &["demo"]);
    deck.shows("62 posts");
    deck.until("a tagged post", |screen| screen.contains(" ✓ "));
    assert!(deck.line(0).starts_with(" tagdeck  demo · ●"), "{}", deck.line(0));
    for words in ["Tagging", "Models", "Live", "Attention", "astra-large", "in flight", "worst case"] {
        assert!(deck.screen().contains(words), "{words}:\n{}", deck.screen());
    }
    deck.press_for("p", "⏸ paused");
    deck.shows("everything paused until you say so");
    assert!(deck.screen().contains("p goes on"), "{}", deck.screen());
    deck.press("p");
    deck.hides("⏸ paused");
    deck.press_for("2", "failed and retrying");
    deck.press_for("?", "Keys · Failed");
    deck.press("\u{1b}");
    deck.hides("Keys · Failed");
    deck.press_for("3", "following");
    deck.press_for("\u{1b}[A", "standing still");
    deck.press_for("f", "following");
    deck.press_for("?", "Keys · Log");
    deck.press("q");
    deck.hides("Keys · Log");
    deck.press_for("1", "Attention");
    deck.press("q");
    assert!(deck.ended(PATIENCE).success());
    deck.given_back("q");
}

#[test]
fn every_way_out_gives_the_terminal_back() {
    let home = home_with(1);
    let keys = [("q", "q"), ("й", "й"), ("\u{3}", "Ctrl-C"), ("?\u{3}", "Ctrl-C over the help")];
    for (keys, how) in keys {
        let mut deck = dashboard(&home, &[]);
        deck.shows("nothing is due");
        assert!(!deck.cooked() && deck.state().alternate_screen() && deck.state().hide_cursor());
        deck.press(keys);
        let status = deck.ended(PATIENCE);
        assert!(status.success(), "{how}: {status}");
        deck.given_back(how);
    }
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut deck = dashboard(&home, &["--observe"]);
        deck.shows("1 post");
        deck.signal(signal);
        let status = deck.ended(PATIENCE);
        assert!(status.success(), "{signal:?}: {status}");
        deck.given_back(&format!("{signal:?}"));
    }
}

#[test]
fn a_closed_terminal_ends_the_program_without_spinning() {
    let home = home_with(1);
    for args in [&[][..], &["--observe"]] {
        let mut deck = dashboard(&home, args);
        deck.shows("1 post");
        let used = deck.cpu_ticks();
        deck.hang_up();
        let began = Instant::now();
        let mut most = used;
        while std::fs::read_to_string(format!("/proc/{}/stat", deck.pid())).is_ok_and(|stat| !stat.contains(") Z ")) {
            most = most.max(deck.cpu_ticks());
            assert!(began.elapsed() < Duration::from_secs(5), "still running");
            std::thread::sleep(Duration::from_millis(20));
        }
        // A reader that loops on a dead terminal takes all of a processor: 100 a second.
        let (spent, time) = (most - used, began.elapsed());
        assert!(spent <= 20 + time.as_millis() as u64 / 20, "{spent} ticks in {time:?}");
        deck.ended(PATIENCE);
    }
}

/// A provider that lists no models and never answers a question.
fn silent_provider() -> String {
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0; 4];
            if stream.peek(&mut head).is_ok() && head == *b"GET " {
                let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            } else {
                kept.push(stream);
            }
        }
    });
    format!(
        "[tagging]\nroute = [\"fake/any\"]\n\n[[providers]]\nname = \"fake\"\nbase_url = \"http://{address}/api/v1\"\nkey = \"sk-fake\"\n"
    )
}

#[test]
fn a_line_that_drops_while_calls_are_in_flight_gives_their_leases_back() {
    let home = home_with(5);
    home.write("config.toml", silent_provider());
    let jobs = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = Store::open(&home.database(), Access::ReadOnly).await.unwrap();
            store.outlook(JobKind::Tag).await.unwrap()
        })
    };
    let mut deck = dashboard(&home, &[]);
    deck.shows(" in flight");
    let end = Instant::now() + PATIENCE;
    while jobs().leased == 0 {
        assert!(Instant::now() < end, "nothing was claimed");
        std::thread::sleep(Duration::from_millis(20));
    }
    let began = Instant::now();
    deck.hang_up();
    deck.ended(Duration::from_secs(5));
    let after = jobs();
    println!("ended after {:?}: {after:?}", began.elapsed());
    assert_eq!((after.leased, after.due), (0, 5));
}

#[test]
fn five_hundred_sizes_down_to_one_cell_leave_the_right_screen() {
    let home = home_with(3);
    let mut deck = dashboard(&home, &[]);
    deck.shows("nothing is due");
    // Sizes that look like chance and are the same each time.
    let mut state = 0x2545_f491_u32;
    let mut any = |most: u32| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        u16::try_from(1 + state % most).unwrap()
    };
    for nth in 0..500 {
        let (columns, rows) = if nth % 25 == 0 { (1, 1) } else { (any(260), any(80)) };
        deck.resize(columns, rows);
        deck.listen(Duration::from_millis(if nth % 50 == 1 { 40 } else { 2 }));
        if nth % 10 == 0 {
            // Another pane, with its own parts.
            deck.press(["1", "2", "3", "4", "5"][nth / 10 % 5]);
        }
    }
    for pane in ["2", "3", "4", "5", "1"] {
        deck.resize(1, 1);
        deck.listen(Duration::from_millis(20));
        deck.resize(USUAL.0, USUAL.1);
        deck.press(pane);
        deck.shows("? help");
        deck.settles();
        let (after, from) = (deck.screen(), deck.seen.len());
        deck.press("\u{c}");
        deck.writes(from, FRAME);
        deck.settles();
        // Spaces at the end of a line are written, or were cleared: nobody sees the difference. The header has a clock.
        let seen = |screen: &str| screen.lines().skip(1).map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
        assert_eq!(seen(&after), seen(&deck.screen()), "what a whole redraw shows");
        assert!(deck.line(0).starts_with(" tagdeck  tagdeck.db") && after.lines().count() == 36, "{after}");
    }
    let after = deck.screen();
    assert!(after.lines().skip(2).take(33).all(|line| line.chars().count() == 120), "{after}");
    deck.press("q");
    assert!(deck.ended(PATIENCE).success());
    deck.given_back("after all those sizes");
}

/// The screen is filled until the terminal takes nothing more.
fn stalled(home: &Home) -> Deck {
    let mut deck = dashboard(home, &[]);
    deck.shows("nothing is due");
    deck.stall(true);
    for _ in 0..60 {
        deck.press("\u{c}");
        deck.listen(Duration::from_millis(5));
    }
    let blocked = |pid: i32| {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
        let name = |task: &std::path::Path| std::fs::read_to_string(task.join("comm")).unwrap_or_default();
        // Write is system call 1, on x86-64, or 64.
        let writes = |task: &std::path::Path| {
            let call = std::fs::read_to_string(task.join("syscall")).unwrap_or_default();
            call.starts_with("1 0x1 ") || call.starts_with("64 0x1 ")
        };
        tasks.map(|task| task.path()).any(|task| name(&task).trim() == "screen" && writes(&task))
    };
    // Where the system does not tell, the sixty frames alone have to do: far more than it keeps for a terminal.
    if std::fs::read_to_string(format!("/proc/{}/syscall", std::process::id())).is_ok() {
        let end = Instant::now() + PATIENCE;
        while !blocked(deck.pid()) {
            assert!(Instant::now() < end, "the terminal still takes everything");
            deck.press("\u{c}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    deck
}

#[test]
fn a_terminal_that_takes_nothing_keeps_neither_the_engine_nor_the_way_out_waiting() {
    let home = home_with(2);
    let mut deck = stalled(&home);
    import(&home, 2, 3);
    let end = Instant::now() + PATIENCE;
    while !home.ok(&["stats", "--json"]).contains("\"success\":5") {
        assert!(Instant::now() < end, "the engine waits for the terminal: {}", home.ok(&["stats"]));
        std::thread::sleep(Duration::from_millis(50));
    }
    // The line comes back: the screen is as it should be, at once.
    deck.stall(false);
    deck.until("five tagged", |screen| screen.contains("5 posts") && screen.contains("100 %"));
    deck.press_for("3", "following");
    deck.press("q");
    assert!(deck.ended(PATIENCE).success());
    deck.given_back("after a stall");
    // It does not come back: a key, a signal and the end of the line lead out all the same.
    for way in ["q", "TERM", "the line ends"] {
        let mut deck = stalled(&home);
        match way {
            "q" => deck.press("q"),
            "TERM" => deck.signal(Signal::TERM),
            _ => deck.hang_up(),
        }
        assert!(deck.ended(WAY_OUT).success(), "{way}");
    }
}

#[test]
fn a_key_that_comes_together_with_a_resize_is_not_kept_back() {
    let home = home_with(1);
    let mut deck = dashboard(&home, &["--observe"]);
    deck.shows("1 post");
    for round in 0..20_u16 {
        deck.resize(100 + round, 30);
        deck.press_for("3", "following");
        deck.press("1");
        deck.resize(101 + round, 31);
        deck.shows("Attention");
        deck.until("the new height", |screen| screen.lines().nth(30).is_some_and(|line| line.contains("? help")));
    }
    deck.press("q");
    assert!(deck.ended(PATIENCE).success());
}

#[test]
fn a_terminal_that_is_too_small_says_what_is_needed() {
    let home = home_with(1);
    let mut deck = Deck::open(&home.tagdeck(&["--observe"]), (59, 20));
    deck.shows("too small: 59x20, needs 60x20");
    assert_eq!(deck.screen().trim(), "too small: 59x20, needs 60x20");
    deck.resize(60, 19);
    deck.shows("too small: 60x19, needs 60x20");
    deck.resize(12, 3);
    deck.until("its beginning", |screen| screen.trim() == "too small: …");
    deck.resize(60, 20);
    deck.shows("Attention");
    deck.resize(1, 1);
    deck.until("next to nothing", |screen| screen.trim().chars().count() <= 1);
    deck.press("q");
    assert!(deck.ended(PATIENCE).success());
    deck.given_back("too small");
}

#[test]
fn an_empty_database_says_what_to_do_next() {
    let home = Home::new();
    let mut deck = dashboard(&home, &[]);
    deck.shows("No posts yet.");
    deck.shows("There is nothing to tag yet: tagdeck import result.json");
    deck.shows("export OPENROUTER_API_KEY=");
    deck.press_for("2", "Bring some in with: tagdeck import result.json");
    deck.press("1");
    // What is imported in another window is tagged without being told.
    import(&home, 0, 3);
    deck.shows("3 posts");
    deck.shows("✓");
    deck.until("three tagged", |screen| screen.contains("100 %"));
    deck.press("q");
    assert!(deck.ended(PATIENCE).success());
}

#[test]
fn retries_are_asked_for_and_done() {
    let server = Unlisted::start(&[]);
    let home = home_with(4);
    // Every post is given up at once, with passes left.
    home.write("config.toml", server.settings(&["fault/unprocessable_422"]));
    let mut deck = dashboard(&home, &[]);
    deck.shows("2 Failed 4");
    deck.shows("4 × bad request");
    deck.press_for("2", "1 of 4");
    // The post goes to the top of the list; к is r on a Russian layout, К is R.
    deck.press_for("к", "is due again");
    // Nobody works on a post that the list shows as failed.
    let settled = |screen: &str, passes: &str| screen.contains(passes) && screen.contains("Failed 4") && !screen.contains('↻');
    deck.until("a second pass", |screen| settled(screen, "2/5"));
    deck.press_for("R", "all 4 posts that match");
    deck.shows("at most 160 calls");
    deck.press("n");
    deck.hides("all 4 posts that match");
    deck.press_for("К", "all 4 posts that match");
    deck.press_for("y", "4 posts are due again");
    deck.until("a third pass", |screen| settled(screen, "3/5"));
    deck.press_for("F", "Retry with all passes given back");
    deck.shows("only post");
    deck.press_for("\u{1b}[B", "▸ all 4 posts that match");
    // As many as are forced are typed.
    deck.press_for("\r", "Type");
    deck.press("4");
    deck.press_for("\r", "4 posts are due again");
    deck.until("passes counted anew", |screen| settled(screen, "1/5") && !screen.contains("2/5"));
    deck.press_for("g", "will be tagged anew");
    deck.press_for("\r", "Calls, ");
    deck.shows("last error:");
    deck.press("\u{1b}");
    deck.hides("Calls, ");
    deck.press("q");
    assert!(deck.ended(PATIENCE).success());
    assert!(server.asked() >= 14, "{}", server.asked());
}

#[test]
fn regenerating_a_tagged_post_asks_first() {
    let home = home_with(1);
    let mut deck = dashboard(&home, &[]);
    deck.until("tagged", |screen| screen.contains("✓ ") && screen.contains("nothing is due"));
    deck.press_for("3", "following");
    deck.press_for("f", "success · post 1");
    deck.press_for("\r", "Post 1 ");
    deck.shows("Tags");
    deck.press_for("g", "its ");
    deck.shows("tags are replaced");
    deck.press_for("y", "will be tagged anew");
    deck.press("\u{3}");
    assert!(deck.ended(PATIENCE).success());
}

#[test]
fn observing_shows_what_another_process_does() {
    let home = home_with(5);
    let mut worker =
        home.tagdeck(&["run"]).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut deck = dashboard(&home, &["--observe"]);
    deck.shows("○ observing");
    deck.until("five tagged", |screen| screen.lines().any(|line| line.contains("success") && line.contains(" 5 ")));
    import(&home, 5, 4);
    deck.shows("9 posts");
    deck.until("nine tagged", |screen| screen.lines().any(|line| line.contains("success") && line.contains(" 9 ")));
    deck.press("q");
    assert!(deck.ended(PATIENCE).success());
    rustix::process::kill_process(rustix::process::Pid::from_child(&worker), Signal::TERM).unwrap();
    assert!(worker.wait().unwrap().success());
}

#[test]
fn a_second_dashboard_says_that_it_only_watches_and_still_steers() {
    let home = home_with(2);
    let mut first = dashboard(&home, &[]);
    first.shows("nothing is due");
    let mut second = dashboard(&home, &[]);
    second.shows(&format!("Another engine (process {}) works on this database: this window only watches.", first.pid()));
    assert!(second.line(0).contains("○ observing"), "{}", second.line(0));
    second.press_for("p", "Paused:");
    first.shows("⏸ paused");
    second.press_for("P", "every pause has ended");
    first.hides("⏸ paused");
    first.press("q");
    assert!(first.ended(PATIENCE).success());
    second.press("q");
    assert!(second.ended(PATIENCE).success());
}

#[test]
fn nothing_is_written_and_next_to_nothing_computed_while_nothing_is_due() {
    let home = home_with(3);
    let mut deck = dashboard(&home, &[]);
    deck.until("all tagged", |screen| screen.contains("100 %") && screen.contains("idle since"));
    deck.settles();
    let mut least = (u64::MAX, Duration::MAX);
    for _ in 0..3 {
        let (sleeps, cpu) = (deck.sleeps(), deck.cpu());
        assert_eq!(deck.listen(Duration::from_millis(2_500)), 0, "{}", deck.screen());
        least = (least.0.min(deck.sleeps() - sleeps), least.1.min(deck.cpu().saturating_sub(cpu)));
    }
    println!("woken {} times, {:?} of processor time in 2.5 s", least.0, least.1);
    // Each thing looked for wakes two or three threads, however busy the machine is: some 100 times in all, 200 while another program
    // writes. Time grows with what else the machine does, so that its bound only tells rest from work.
    assert!(least.0 <= WOKEN && least.1 <= Duration::from_millis(125), "{least:?}");
    deck.press("q");
    assert!(deck.ended(PATIENCE).success());
}
