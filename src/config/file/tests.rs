//! What the settings promise: sources in their order, mistakes with their place, secrets unseen.
//! It does not test what the settings do.

use super::*;
use crate::config::{EXAMPLE, show};

fn read(toml: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::write(&path, toml).unwrap();
    let flags = Overrides { file: Some(path), data_dir: Some(PathBuf::from("data")), ..Overrides::default() };
    let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    load(&flags, &environment, folder.path())
}

fn message(toml: &str) -> String {
    let error = read(toml, &[]).unwrap_err().to_string();
    error.split_once("config.toml:").map(|(_, rest)| rest.to_owned()).unwrap_or(error)
}

#[test]
fn the_example_holds_exactly_the_defaults() {
    let example = read(EXAMPLE, &[]).unwrap();
    let nothing = read("", &[]).unwrap();
    assert_eq!((example.tagging, example.providers, example.log_level), (nothing.tagging, nothing.providers, nothing.log_level));
    assert_eq!((example.database, example.ocr, example.blob), (nothing.database, nothing.ocr, nothing.blob));
    assert_eq!((example.api, example.log), (nothing.api, nothing.log));
}

#[test]
fn the_example_and_the_printed_settings_name_every_key() {
    let shown = show(&read("", &[]).unwrap());
    for line in shown.lines().filter(|line| line.contains(" = ")) {
        let key = line.split(" = ").next().unwrap();
        assert!(EXAMPLE.lines().any(|l| l.starts_with(&format!("{key} = "))), "{key} is missing in the example");
    }
    assert!(read(&shown, &[]).is_ok(), "what is shown can be read back:\n{shown}");
}

#[test]
fn mistakes_are_told_with_line_and_remedy() {
    assert_eq!(
        message("[tagging]\nenabled = true\nmax_attempts = 0\n"),
        "3: tagging.max_attempts = 0 is not possible; a whole number from 1 to 100"
    );
    assert!(message("[tagging]\n\nmax_atempts = 3\n").starts_with("3: unknown field `max_atempts`, expected one of"));
    assert!(message("[tagging]\nretry_delay = \"two\"\n").starts_with("2: invalid type: string \"two\", expected"));
    assert!(
        message("[[providers]]\nname = \"x\"\nbase_url = \"ftp://x\"\n")
            .starts_with("3: providers.base_url is wrong: an address")
    );
    assert!(message("database = \"mysql://x\"\n").starts_with("1: database is wrong: sqlite://PATH or postgres://"));
    assert!(message("[tagging]\npass_delays = []\n").starts_with("2: tagging.pass_delays is empty"));
    assert!(message("[tagging\n").starts_with("1: "));
    assert_eq!(
        message("[ocr]\nprovider = \"gpu\"\n"),
        "2: ocr.provider = \"gpu\" is not possible; one of auto, cuda, tensorrt, cpu"
    );
    assert_eq!(message("[ocr]\npage_timeout = 1.0\n"), "2: ocr.page_timeout = 1 is not possible; a number from 5 to 3600");
}

#[test]
fn environment_beats_dotenv_beats_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.toml"), "[tagging]\nmax_retries = 1\nmax_attempts = 2\nbatch_size = 3\n").unwrap();
    fs::write(folder.path().join(".env"), "TAGGING_MAX_ATTEMPTS=7\nTAGGING_BATCH_SIZE=8\nnot a variable\n").unwrap();
    let environment = BTreeMap::from([("TAGGING_BATCH_SIZE".to_owned(), "9".to_owned())]);
    let flags = Overrides { data_dir: Some(PathBuf::from("data")), ..Overrides::default() };
    let tagging = load(&flags, &environment, folder.path()).unwrap().tagging;
    assert_eq!((tagging.max_retries, tagging.max_attempts, tagging.batch_size), (1, 7, 9));
}

#[test]
fn a_wrong_variable_is_named_with_its_place() {
    let error = read("", &[("TAGGING_MAX_RETRIES", "many")]).unwrap_err().to_string();
    assert_eq!(error, "environment: TAGGING_MAX_RETRIES=many is wrong: a whole number from 0 to 20");
}

#[test]
fn without_a_key_the_route_is_the_local_tagger_and_with_one_it_is_free_models() {
    assert_eq!(read("", &[]).unwrap().tagging.route, ["local/keywords"]);
    assert_eq!(read("", &[("OPENROUTER_API_KEY", "k")]).unwrap().tagging.route, ["auto:free"]);
    let legacy = [("OPENROUTER_API_KEY", "k"), ("OPENROUTER_MODEL", "a/b:free")];
    assert_eq!(read("", &legacy).unwrap().tagging.route, ["a/b:free", "auto:free"]);
}

#[test]
fn addresses_of_the_original_are_understood() {
    let url = |value| read("", &[("TELEGRAM_DATABASE_URL", value)]).unwrap().database.expose().to_owned();
    assert_eq!(url("sqlite+aiosqlite:///bot.db"), "sqlite://bot.db");
    assert_eq!(url("sqlite:////srv/bot.db"), "sqlite:///srv/bot.db");
    assert_eq!(url("postgresql+asyncpg://u:p@h/n"), "postgres://u:p@h/n");
}

#[test]
fn no_secret_is_ever_shown() {
    let toml = "database = \"postgres://u:hunter2@h/n?password=hunter3\"\n[[providers]]\nname = \"p\"\nbase_url = \"http://h/v1\"\n\
                key = \"hunter4\"\nheaders = { x = \"hunter5\" }\n[blob]\naccess_key = \"hunter6\"\nsecret_key = \"hunter7\"\n\
                proxy = \"http://u:hunter8@h:3128\"\n";
    let config = read(toml, &[]).unwrap();
    for text in [show(&config).to_string(), format!("{config:?}")] {
        assert!(!text.contains("hunter"), "{text}");
    }
}

#[test]
fn the_library_is_named_by_the_setting_and_by_the_variable() {
    let environment = [("ORT_DYLIB_PATH", "/opt/b.so")];
    let both = read("[ocr]\nonnxruntime = \"/opt/a.so\"\n", &environment).unwrap().ocr;
    assert_eq!(both.onnxruntime, Some(PathBuf::from("/opt/a.so")));
    assert_eq!(both.onnxruntime_variable, Some(PathBuf::from("/opt/b.so")));
    assert_eq!(read("[ocr]\nonnxruntime = \"\"\n", &[]).unwrap().ocr.onnxruntime, None);
}

#[test]
fn tokens_come_from_the_file_and_the_environment_and_short_ones_are_refused() {
    let toml = "[api]\ntokens = [\"0123456789abcdef\"]\n";
    let api = read(toml, &[("TAGDECK_API_TOKEN", "fedcba9876543210, aaaaaaaaaaaaaaaa")]).unwrap().api;
    assert_eq!(api.tokens.len(), 3);
    let renamed = read("[api]\ntoken_env = \"MY_TOKEN\"\n", &[("MY_TOKEN", "fedcba9876543210")]).unwrap().api;
    assert_eq!(renamed.tokens, [Secret::new("fedcba9876543210")]);
    let error = read("", &[("TAGDECK_API_TOKEN", "hunter2")]).unwrap_err().to_string();
    assert!(
        error.starts_with("environment: a token of the API has fewer than 16 characters") && !error.contains("hunter2"),
        "{error}"
    );
    assert!(message("[api]\ntokens = [\"short\"]\n").starts_with("2: api.tokens holds one of fewer than 16 characters"));
    assert!(message("[api]\nlisten = \"here\"\n").starts_with("2: api.listen is wrong: an address with a port such as"));
    assert!(message("log_format = \"xml\"\n").starts_with("1: log_format = \"xml\" is not possible; one of text, json"));
}

#[test]
fn a_blob_store_is_named_by_the_variables_people_already_use() {
    let environment = [
        ("CLOUDRU_S3_ENDPOINT", "https://s3.cloud.ru/"),
        ("CLOUDRU_S3_BUCKET", "documents"),
        ("CLOUDRU_S3_ACCESS_KEY", "tenant:key"),
        ("CLOUDRU_S3_SECRET_KEY", "secret"),
        ("AWS_ACCESS_KEY_ID", "other"),
        ("AWS_SECRET_ACCESS_KEY", "other"),
    ];
    let blob = read("[blob]\nbucket = \"of-the-file\"\n", &environment).unwrap().blob;
    assert_eq!((blob.bucket.as_deref(), blob.endpoint.as_deref()), (Some("documents"), Some("https://s3.cloud.ru")));
    assert_eq!((blob.region.as_str(), blob.path_style), ("ru-central-1", true));
    let key = blob.credentials.unwrap();
    assert_eq!((key.access_key.expose(), key.secret_key.expose()), ("tenant:key", "secret"));
}

#[test]
fn variables_of_other_programs_give_way_to_the_file_and_keys_come_in_pairs() {
    let aws = [("AWS_ENDPOINT_URL", "http://b:2"), ("AWS_REGION", "eu-west-1"), ("AWS_PROFILE", "work")];
    let blob = read("[blob]\nendpoint = \"http://a:1\"\n", &aws).unwrap().blob;
    assert_eq!((blob.endpoint.as_deref(), blob.region.as_str()), (Some("http://a:1"), "eu-west-1"));
    assert_eq!((blob.credentials, blob.profile.as_deref()), (None, Some("work")));
    assert_eq!(read("", &[]).unwrap().blob.folder, PathBuf::from("data/outputs"));
    let halves = [("CLOUDRU_S3_ACCESS_KEY", "ours"), ("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "s"), ("MINE", "m")];
    let key = read("", &halves).unwrap().blob.credentials.unwrap();
    assert_eq!((key.access_key.expose(), key.secret_key.expose()), ("id", "s"));
    let named = read("[blob]\nsecret_key_env = \"MINE\"\n", &halves).unwrap().blob.credentials.unwrap();
    assert_eq!((named.access_key.expose(), named.secret_key.expose()), ("ours", "m"));
}

#[test]
fn mistakes_in_the_blob_section_are_told() {
    let wanted = "an address such as https://s3.cloud.ru, without the bucket and without a path";
    for endpoint in ["s3.cloud.ru", "https://s3.cloud.ru/documents", "https://u:p@s3.cloud.ru", "ftp://s3.cloud.ru"] {
        assert_eq!(message(&format!("[blob]\nendpoint = \"{endpoint}\"\n")), format!("2: blob.endpoint is wrong: {wanted}"));
    }
    assert!(message("[blob]\nbucket = \"a/b\"\n").starts_with("2: blob.bucket is wrong: a name of letters"));
    assert!(message("[blob]\nproxy = \"proxy:3128\"\n").starts_with("2: blob.proxy is wrong: an address"));
    assert_eq!(message("[blob]\nretries = 11\n"), "2: blob.retries = 11 is not possible; a whole number from 0 to 10");
    let error = read("", &[("CLOUDRU_S3_ENDPOINT", "s3.cloud.ru")]).unwrap_err().to_string();
    assert_eq!(error, format!("environment: CLOUDRU_S3_ENDPOINT=s3.cloud.ru is wrong: {wanted}"));
}
