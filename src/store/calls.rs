//! Calls: recorded before they go out, with their share of the limits, and again when they end.
//! It sends nothing and knows no model beyond its name.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::{Value, json};

use super::base::{Boxed, work};
use super::gather::{Alone, Lane, Piece};
use super::link::{Link, Row, args, storable};
use super::types::{CallCount, CallCounts, CallEnd, CallLimits, LastCall, NewCall, ProviderUsage, Reserved};
use super::{Store, StoreError, sql};
use crate::domain::{CallId, JobId, ModelKey, Outcome};
use crate::text::hex;

/// The minute window, milliseconds: a second more than a minute, since a call arrives a little later than it is recorded, one
/// later than the other, and the provider counts arrivals.
const WINDOW: i64 = 61_000;
/// A UTC day, milliseconds.
const DAY: i64 = 86_400_000;
/// Bytes of a raw body that are kept.
pub const BODY: usize = 64 * 1024;

impl Store {
    /// Records a call as sent and takes its share of the provider's limits, in one transaction; or says until when it must wait.
    pub async fn reserve_call(&self, call: &NewCall, limits: &CallLimits) -> Result<Reserved, StoreError> {
        let reserve = Reserve { call: call.clone(), limits: *limits };
        if limits.per_minute.is_some() {
            // Each of these waits for the one before it, in whichever process: together they would only wait longer.
            return self.base.write(sql::CHARGE.doing, Alone(reserve)).await;
        }
        Lane::write(&self.base, |base| &base.reserves, reserve).await
    }

    /// Records a call as sent now: between its reservation and now so much time went by that the window would end too early.
    pub async fn call_goes_out(&self, call: CallId) -> Result<(), StoreError> {
        self.base.write(sql::SENT_NOW.doing, SentNow(call)).await
    }

    /// Records what a call came to, and settles its price. A call that has already ended stays as it is.
    pub async fn end_call(&self, call: CallId, end: &CallEnd) -> Result<(), StoreError> {
        self.base.write(sql::ENDED.doing, EndCall(Ended { call, end: end.clone() })).await
    }

    /// The last call of a job to a provider within the last `window`, by whichever worker.
    pub async fn last_call(&self, job: JobId, provider: &str, window: Duration) -> Result<Option<LastCall>, StoreError> {
        let window = i64::try_from(window.as_millis()).unwrap_or(i64::MAX / 2);
        let rows = self.base.rows(&sql::LAST_CALL, args![job.0, provider, window]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let age = Duration::from_millis(u64::try_from(row.int(0)?).unwrap_or(0));
        Ok(Some(LastCall { age, outcome: row.word(1)? }))
    }

    /// Ended calls after the call `settled`; `None`: from now on, which counts none.
    pub async fn calls_after(&self, settled: Option<i64>) -> Result<CallCounts, StoreError> {
        let mut reader = self.base.reader(&sql::COUNT_CALLS).await?;
        let mut link = reader.link();
        let newest = link.int(&sql::NEWEST_CALL, args![]).await?.unwrap_or_default();
        let Some(from) = settled else { return Ok(CallCounts { settled: newest, counts: Vec::new() }) };
        // Calls that begin meanwhile are after `newest`, which counts them as loose.
        let loose = link.int(&sql::FIRST_LOOSE_CALL, args![from]).await?.unwrap_or(newest.max(from) + 1);
        let rows = link.rows(&sql::COUNT_CALLS, args![from, loose]).await?;
        let counts = rows.iter().map(|row| {
            let model = ModelKey { provider: row.text(0)?, model: row.text(1)? };
            Ok((CallCount { model, outcome: row.text(2)? }, row.int(3)? == 1, row.int(4)?))
        });
        Ok(CallCounts { settled: loose - 1, counts: counts.collect::<Result<_, StoreError>>()? })
    }

    /// Calls and money of each provider since 00:00 UTC.
    pub async fn usage_today(&self) -> Result<Vec<ProviderUsage>, StoreError> {
        let rows = self.base.rows(&sql::USAGE_TODAY, args![]).await?;
        rows.iter()
            .map(|row| Ok(ProviderUsage { provider: row.text(0)?, calls: row.int(1)?, spent_micros: row.int(2)? }))
            .collect()
    }
}

/// A call that asks for its share.
#[derive(Clone)]
pub(super) struct Reserve {
    call: NewCall,
    limits: CallLimits,
}

impl Piece for Reserve {
    type Out = Reserved;
    const DOING: &'static str = sql::CHARGE.doing;
    const ONLY_WHEN_AWAITED: bool = true;

    fn alone<'a>(&'a self, link: &'a mut Link<'_>) -> Boxed<'a, Result<Reserved, StoreError>> {
        Box::pin(self.reserve(link))
    }

    fn together<'a>(pieces: &'a [Self], link: &'a mut Link<'_>) -> Boxed<'a, Result<Vec<Reserved>, StoreError>> {
        Box::pin(reserve_many(pieces, link))
    }
}

impl Reserve {
    async fn reserve(&self, link: &mut Link<'_>) -> Result<Reserved, StoreError> {
        let provider = &self.call.model.provider;
        if let Some(until) = window_closed(link, provider, self.limits.per_minute).await? {
            return Ok(Reserved::Denied { until, limit: "requests_per_minute" });
        }
        let (job, post, reserve) = (self.call.job.0, self.call.post.0, self.call.reserve_micros);
        let why = kept_why(&self.call);
        let columns =
            args![job, post, &self.call.worker, self.call.pass, provider, &self.call.model.model, reserve, why.as_deref()];
        let Some(row) = link.row(&sql::SENT, columns).await? else {
            return Err(StoreError::shape(sql::SENT.doing, "no id came back"));
        };
        let (id, day) = (row.int(0)?, row.int(1)?);
        // Last, since all of a provider's calls queue at this row until the commit.
        let used = charge(link, provider, day, reserve, 1).await?;
        match self.limits.broken_by(used, reserve) {
            None => Ok(Reserved::Sent(CallId(id))),
            Some(limit) => deny(link, (id, provider, day, reserve), limit).await,
        }
    }
}

/// Job, pass, provider and model of a call.
type CallKey = (i64, i64, String, String);

/// Many, none of them with a limit a minute. Where a day's limit does not let all of them out, it is the last that stay.
async fn reserve_many(pieces: &[Reserve], link: &mut Link<'_>) -> Result<Vec<Reserved>, StoreError> {
    let row = |Reserve { call, .. }: &Reserve| {
        let (model, why) = (&call.model, kept_why(call));
        json!([call.job.0, call.post.0, call.worker, call.pass, model.provider, model.model, call.reserve_micros, why])
    };
    let rows: Vec<Value> = pieces.iter().map(row).collect();
    let mut sent: HashMap<CallKey, Vec<(i64, i64)>> = HashMap::new();
    for row in link.rows(&sql::SENT_MANY, args![&Value::from(rows).to_string()]).await? {
        sent.entry((row.int(2)?, row.int(3)?, row.text(4)?, row.text(5)?)).or_default().push((row.int(0)?, row.int(1)?));
    }
    let mut by_provider: BTreeMap<(&str, i64), Vec<(usize, i64)>> = BTreeMap::new();
    let mut answers = Vec::with_capacity(pieces.len());
    for (at, Reserve { call, .. }) in pieces.iter().enumerate() {
        let key = (call.job.0, call.pass, call.model.provider.clone(), call.model.model.clone());
        let Some((id, day)) = sent.get_mut(&key).and_then(Vec::pop) else {
            return Err(StoreError::shape(sql::SENT_MANY.doing, "an id did not come back"));
        };
        by_provider.entry((&call.model.provider, day)).or_default().push((at, id));
        answers.push(Reserved::Sent(CallId(id)));
    }
    // In one order, so that two batches do not wait for each other.
    for ((provider, day), calls) in by_provider {
        let reserve = calls.iter().map(|(at, _)| pieces[*at].call.reserve_micros).sum();
        let mut used = charge(link, provider, day, reserve, calls.len() as i64).await?;
        for (at, id) in calls.into_iter().rev() {
            let reserve = pieces[at].call.reserve_micros;
            let Some(limit) = pieces[at].limits.broken_by(used, reserve) else { continue };
            answers[at] = deny(link, (id, provider, day, reserve), limit).await?;
            used = (used.0 - 1, used.1 - reserve);
        }
    }
    Ok(answers)
}

impl CallLimits {
    /// Which limit of a day so many calls and so much money are beyond, the call counted.
    fn broken_by(&self, (calls, micros): (i64, i64), reserve: i64) -> Option<&'static str> {
        if self.per_day.is_some_and(|limit| calls > i64::from(limit)) {
            Some("requests_per_day")
        } else if reserve > 0 && self.budget_micros.is_some_and(|budget| micros > budget) {
            Some("budget_per_day")
        } else {
            None
        }
    }
}

/// Counts calls and money of a provider's day; how much of both that makes.
async fn charge(link: &mut Link<'_>, provider: &str, day: i64, micros: i64, calls: i64) -> Result<(i64, i64), StoreError> {
    let row = link.row(&sql::CHARGE, args![provider, day, micros, calls]).await?;
    let row = row.ok_or_else(|| StoreError::shape(sql::CHARGE.doing, "no counter came back"))?;
    Ok((row.int(0)?, row.int(1)?))
}

/// Takes a call back that was charged.
async fn deny(
    link: &mut Link<'_>,
    (id, provider, day, reserve): (i64, &str, i64, i64),
    limit: &'static str,
) -> Result<Reserved, StoreError> {
    link.run(&sql::UNSENT, args![id]).await?;
    link.run(&sql::UNCHARGE, args![provider, day, reserve]).await?;
    Ok(Reserved::Denied { until: (day + 1) * DAY, limit })
}

/// When the minute window of a provider opens again, if it is closed now.
async fn window_closed(link: &mut Link<'_>, provider: &String, per_minute: Option<u32>) -> Result<Option<i64>, StoreError> {
    let Some(limit) = per_minute else { return Ok(None) };
    // One row a provider and not one a day: at 00:00 UTC two workers must not count the same window side by side.
    link.run(&sql::GATE, args![provider]).await?;
    if limit == 0 {
        return Ok(link.int(&sql::NOW, args![]).await?.map(|now| now + WINDOW));
    }
    let oldest = link.int(&sql::WINDOW, args![provider, i64::from(limit) - 1]).await?;
    Ok(oldest.map(|sent_at| sent_at + WINDOW))
}

struct SentNow(CallId);

work!(SentNow => (), |me, link| link.run(&sql::SENT_NOW, args![me.0.0]).await.map(drop));

/// What a call came to.
#[derive(Clone)]
pub(super) struct Ended {
    pub(super) call: CallId,
    pub(super) end: CallEnd,
}

struct EndCall(Ended);

work!(EndCall => (), |me, link| end_calls(link, std::slice::from_ref(&me.0)).await);

/// Records the ends of calls and settles their prices.
pub(super) async fn end_calls(link: &mut Link<'_>, calls: &[Ended]) -> Result<(), StoreError> {
    let mut rests: BTreeMap<(String, i64), i64> = BTreeMap::new();
    let rows = match calls {
        [] => return Ok(()),
        [one] => end_one(link, one).await?,
        many => {
            let rows: Vec<Value> = many.iter().map(ended_row).collect();
            link.rows(&sql::ENDED_MANY, args![&Value::from(rows).to_string()]).await?
        }
    };
    for row in rows {
        let (provider, day, reserved, id) = (row.text(0)?, row.int(1)?, row.int(2)?, row.int(3)?);
        let Some(Ended { end, .. }) = calls.iter().find(|one| one.call.0 == id) else { continue };
        *rests.entry((provider, day)).or_default() += price(end, reserved) - reserved;
    }
    for ((provider, day), rest) in rests.into_iter().filter(|(_, rest)| *rest != 0) {
        link.run(&sql::SETTLE, args![&provider, day, rest]).await?;
    }
    Ok(())
}

fn ended_row(Ended { call, end }: &Ended) -> Value {
    json!([
        call.0,
        end.outcome.as_str(),
        end.http_status,
        end.elapsed_ms,
        end.prompt_tokens,
        end.completion_tokens,
        end.cost_micros,
        end.request_id.as_deref().map(storable),
        end.reason.as_deref().map(storable),
        kept_body(end).map(hex),
        kept_headers(end).as_deref().map(storable),
    ])
}

async fn end_one(link: &mut Link<'_>, Ended { call, end }: &Ended) -> Result<Vec<Row>, StoreError> {
    let headers = kept_headers(end);
    let columns = args![
        call.0,
        end.outcome.as_str(),
        end.http_status.map(i64::from),
        end.elapsed_ms,
        end.prompt_tokens,
        end.completion_tokens,
        end.cost_micros,
        end.request_id.as_deref(),
        end.reason.as_deref(),
        kept_body(end),
        headers.as_deref(),
    ];
    link.rows(&sql::ENDED, columns).await
}

fn kept_why(call: &NewCall) -> Option<String> {
    call.why.as_ref().and_then(|why| serde_json::to_string(why).ok())
}

fn kept_headers(end: &CallEnd) -> Option<String> {
    if end.headers.is_empty() { None } else { serde_json::to_string(&end.headers).ok() }
}

fn kept_body(end: &CallEnd) -> Option<&[u8]> {
    end.body.as_deref().map(|body| &body[..body.len().min(BODY)])
}

/// What a call is taken to have cost: as the provider said; else the whole reservation where a model may have worked for it.
fn price(end: &CallEnd, reserved: i64) -> i64 {
    if let Some(cost) = end.cost_micros {
        return cost;
    }
    match end.outcome {
        Outcome::Success
        | Outcome::NoTopic
        | Outcome::Timeout
        | Outcome::Moderated
        | Outcome::EmptyAnswer
        | Outcome::ReasoningOnly
        | Outcome::Truncated
        | Outcome::AnswerError
        | Outcome::NotTags
        | Outcome::Malformed
        | Outcome::NotUtf8
        | Outcome::BodyTooLarge
        | Outcome::Cancelled
        | Outcome::Unknown => reserved,
        Outcome::Unreachable
        | Outcome::Tls
        | Outcome::ContextLength
        | Outcome::FormatUnsupported
        | Outcome::ModelGone
        | Outcome::ParameterUnsupported
        | Outcome::BadRequest
        | Outcome::BadKey
        | Outcome::InFlightBudget
        | Outcome::OutOfCredit
        | Outcome::KeyLimit
        | Outcome::Region
        | Outcome::TooLarge
        | Outcome::FreeDaily
        | Outcome::FreePerMinute
        | Outcome::RateLimited
        | Outcome::ServerError
        | Outcome::ProviderRejected
        | Outcome::Loading
        | Outcome::Html => 0,
    }
}
