-- The counters' triggers look at alike posts together: most of what a batch of finishes cost was working each post's key out four times.
CREATE OR REPLACE FUNCTION tagdeck_posts_inserted() RETURNS TRIGGER LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO newcomers (post_id) SELECT id FROM fresh ON CONFLICT DO NOTHING;
    INSERT INTO counters AS c (user_id, key, slot, n)
    SELECT u.id, k.key, pg_backend_pid() % 16, SUM(d.n)
    FROM (SELECT user_id, tagging_status, tagging_attempts, tagdeck_tagged(CAST(tags AS TEXT)) AS tagged, COUNT(*) AS n
            FROM fresh GROUP BY user_id, tagging_status, tagging_attempts, tagdeck_tagged(CAST(tags AS TEXT))) d
        CROSS JOIN LATERAL (VALUES (CAST(0 AS BIGINT)), (CAST(d.user_id AS BIGINT))) u(id)
        CROSS JOIN LATERAL (VALUES
            (tagdeck_key(CAST(d.tagging_status AS TEXT), CAST(d.tagging_attempts AS BIGINT), d.tagged)),
            (CASE WHEN d.tagged THEN 'tagged' END)) k(key)
    WHERE u.id IS NOT NULL AND k.key IS NOT NULL
    GROUP BY u.id, k.key ORDER BY u.id, k.key
    ON CONFLICT (user_id, key, slot) DO UPDATE SET n = c.n + excluded.n;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION tagdeck_posts_updated() RETURNS TRIGGER LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO counters AS c (user_id, key, slot, n)
    SELECT u.id, k.key, pg_backend_pid() % 16, SUM(d.n)
    FROM (SELECT user_id, tagging_status, tagging_attempts, tagged, SUM(n) AS n
            FROM (SELECT user_id, tagging_status, tagging_attempts, tagdeck_tagged(CAST(tags AS TEXT)) AS tagged, -1 AS n FROM gone
                UNION ALL SELECT user_id, tagging_status, tagging_attempts, tagdeck_tagged(CAST(tags AS TEXT)), 1 FROM fresh) moved
            GROUP BY user_id, tagging_status, tagging_attempts, tagged HAVING SUM(n) <> 0) d
        CROSS JOIN LATERAL (VALUES (CAST(0 AS BIGINT)), (CAST(d.user_id AS BIGINT))) u(id)
        CROSS JOIN LATERAL (VALUES
            (tagdeck_key(CAST(d.tagging_status AS TEXT), CAST(d.tagging_attempts AS BIGINT), d.tagged)),
            (CASE WHEN d.tagged THEN 'tagged' END)) k(key)
    WHERE u.id IS NOT NULL AND k.key IS NOT NULL
    GROUP BY u.id, k.key HAVING SUM(d.n) <> 0 ORDER BY u.id, k.key
    ON CONFLICT (user_id, key, slot) DO UPDATE SET n = c.n + excluded.n;
    RETURN NULL;
END $$;
