-- Who finds out, with one call for all workers, whether a model (a provider: without a model) is back; an opening of a breaker is known
-- by its end.
CREATE TABLE probes (
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    opening BIGINT NOT NULL,
    owner TEXT NOT NULL,
    until_at BIGINT NOT NULL,
    PRIMARY KEY (provider, model)
);
