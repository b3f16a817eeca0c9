-- The digest of what is left of a record, chained to the record's own digest, once its customer was erased.
ALTER TABLE "password_change" ADD COLUMN "erased_digest" TEXT;

-- A record is changed once, when its customer is erased, and only in what identifies a person; and it is deleted only with
-- all before it, up to where its customer's chain was cut. Otherwise the history stays append-only, for the owner of the
-- table too.
CREATE FUNCTION "password_change_keeps_records"() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.erased_digest IS NULL AND NEW.erased_digest IS NOT NULL AND NEW.reason IS NULL
    AND NEW.actor_id = (CASE OLD.actor WHEN 'client' THEN 'erased' ELSE OLD.actor_id END)
    AND NEW.ip = (CASE OLD.actor WHEN 'client' THEN 'erased' ELSE OLD.ip END)
    AND (NEW.id, NEW.customer_id, NEW.type, NEW.operation, NEW.actor, NEW.client_id, NEW.channel, NEW.create_time,
         NEW.hold_until, NEW.approved_by, NEW.previous_digest, NEW.digest)
      IS NOT DISTINCT FROM
        (OLD.id, OLD.customer_id, OLD.type, OLD.operation, OLD.actor, OLD.client_id, OLD.channel, OLD.create_time,
         OLD.hold_until, OLD.approved_by, OLD.previous_digest, OLD.digest)
    AND EXISTS (SELECT FROM erased_customer WHERE customer_id = OLD.customer_id)
  THEN
    RETURN NEW;
  END IF;
  IF TG_OP = 'DELETE'
    AND EXISTS (SELECT FROM history_anchor WHERE customer_id = OLD.customer_id AND change_id >= OLD.id)
  THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'password_change is append-only: % refused', TG_OP;
END
$$;

DROP TRIGGER "password_change_append_only" ON "password_change";

CREATE TRIGGER "password_change_append_only"
  BEFORE TRUNCATE ON "password_change"
  FOR EACH STATEMENT EXECUTE FUNCTION "password_change_is_append_only"();

CREATE TRIGGER "password_change_keeps_records"
  BEFORE UPDATE OR DELETE ON "password_change"
  FOR EACH ROW EXECUTE FUNCTION "password_change_keeps_records"();
