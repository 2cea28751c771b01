//! Calls: recorded before they go out, with their share of the limits, and again when they end.
//! It sends nothing and knows no model beyond its name.

use std::time::Duration;

use super::base::work;
use super::link::{Link, args};
use super::types::{CallCount, CallCounts, CallEnd, CallLimits, LastCall, NewCall, ProviderUsage, Reserved};
use super::{Store, StoreError, sql};
use crate::domain::{CallId, JobId, ModelKey, Outcome};

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
        self.base.write(sql::CHARGE.doing, Reserve { call: call.clone(), limits: *limits }).await
    }

    /// Records a call as sent now: between its reservation and now so much time went by that the window would end too early.
    pub async fn call_goes_out(&self, call: CallId) -> Result<(), StoreError> {
        self.base.write(sql::SENT_NOW.doing, SentNow(call)).await
    }

    /// Records what a call came to, and settles its price. A call that has already ended stays as it is.
    pub async fn end_call(&self, call: CallId, end: &CallEnd) -> Result<(), StoreError> {
        self.base.write(sql::ENDED.doing, End { call, end: end.clone() }).await
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

struct Reserve {
    call: NewCall,
    limits: CallLimits,
}

work!(Reserve => Reserved, |me, link| {
    let provider = &me.call.model.provider;
    if let Some(until) = window_closed(link, provider, me.limits.per_minute).await? {
        return Ok(Reserved::Denied { until, limit: "requests_per_minute" });
    }
    let (job, post, reserve) = (me.call.job.0, me.call.post.0, me.call.reserve_micros);
    let why = me.call.why.as_ref().and_then(|why| serde_json::to_string(why).ok());
    let columns = args![job, post, &me.call.worker, me.call.pass, provider, &me.call.model.model, reserve, why.as_deref()];
    let Some(row) = link.row(&sql::SENT, columns).await? else {
        return Err(StoreError::shape(sql::SENT.doing, "no id came back"));
    };
    let (id, day) = (row.int(0)?, row.int(1)?);
    // Last, since all of a provider's calls queue at this row until the commit.
    let Some(row) = link.row(&sql::CHARGE, args![provider, day, reserve]).await? else {
        return Err(StoreError::shape(sql::CHARGE.doing, "no counter came back"));
    };
    let (calls, micros) = (row.int(0)?, row.int(1)?);
    let limit = if me.limits.per_day.is_some_and(|limit| calls > i64::from(limit)) {
        "requests_per_day"
    } else if reserve > 0 && me.limits.budget_micros.is_some_and(|budget| micros > budget) {
        "budget_per_day"
    } else {
        return Ok(Reserved::Sent(CallId(id)));
    };
    link.run(&sql::UNSENT, args![id]).await?;
    link.run(&sql::UNCHARGE, args![provider, day, reserve]).await?;
    Ok(Reserved::Denied { until: (day + 1) * DAY, limit })
});

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

struct End {
    call: CallId,
    end: CallEnd,
}

work!(End => (), |me, link| {
    let end = &me.end;
    let body = end.body.as_deref().map(|body| &body[..body.len().min(BODY)]);
    let headers = (!end.headers.is_empty()).then(|| serde_json::to_string(&end.headers).ok()).flatten();
    let row = link
        .row(
            &sql::ENDED,
            args![
                me.call.0,
                end.outcome.as_str(),
                end.http_status.map(i64::from),
                end.elapsed_ms,
                end.prompt_tokens,
                end.completion_tokens,
                end.cost_micros,
                end.request_id.as_deref(),
                end.reason.as_deref(),
                body,
                headers.as_deref(),
            ],
        )
        .await?;
    if let Some(row) = row {
        let (provider, day, reserved) = (row.text(0)?, row.int(1)?, row.int(2)?);
        let rest = price(end, reserved) - reserved;
        if rest != 0 {
            link.run(&sql::SETTLE, args![&provider, day, rest]).await?;
        }
    }
    Ok(())
});

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
