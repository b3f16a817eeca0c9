-- A number is deleted only with its record, up to where its customer's chain was cut.
CREATE FUNCTION "history_entry_keeps_numbers"() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  IF TG_OP = 'DELETE'
    AND EXISTS (SELECT FROM history_anchor WHERE customer_id = OLD.customer_id AND change_id >= OLD.change_id)
  THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'history_entry is append-only: % refused', TG_OP;
END
$$;

DROP TRIGGER "history_entry_append_only" ON "history_entry";

CREATE TRIGGER "history_entry_append_only"
  BEFORE TRUNCATE ON "history_entry"
  FOR EACH STATEMENT EXECUTE FUNCTION "history_entry_is_append_only"();

CREATE TRIGGER "history_entry_keeps_numbers"
  BEFORE UPDATE OR DELETE ON "history_entry"
  FOR EACH ROW EXECUTE FUNCTION "history_entry_keeps_numbers"();
