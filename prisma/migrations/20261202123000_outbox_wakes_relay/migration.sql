-- Commits with NOTIFY wait for one another: Postgres writes and syncs them one at a time. A service that wakes its own
-- relay after the commit sets rekey.wakes_relay for the transaction (services/password-service/src/outbox/outbox.store.ts).
CREATE OR REPLACE FUNCTION "outbox_has_news"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('rekey.wakes_relay', true) IS DISTINCT FROM 'on' THEN
    PERFORM pg_notify('outbox', '');
  END IF;
  RETURN NULL;
END
$$;
