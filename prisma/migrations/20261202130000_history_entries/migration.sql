-- Numbers the records of each customer, so that a page is read by its positions and the total is the last one. The history
-- itself stays append-only: nothing is added to its rows. The numbers are written by a trigger, also for records of the
-- version before; the records from before this table are numbered when a customer's history is first read or continued.
CREATE TABLE "history_entry" (
    "customer_id" INTEGER NOT NULL,
    "changes_only" BOOLEAN NOT NULL,
    "position" INTEGER NOT NULL,
    "change_id" BIGINT NOT NULL,

    CONSTRAINT "history_entry_pkey" PRIMARY KEY ("customer_id", "changes_only", "position")
);

-- Numbers the records of these customers that have no entry yet, in the order of the chain. It locks the customers, as
-- whatever appends a record does: so no number is given twice. With the owner's rights, because the service may only read
-- the entries.
CREATE FUNCTION "number_history"("customers" INTEGER[]) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  of_customer INTEGER;
  of_changes BOOLEAN;
  last RECORD;
BEGIN
  PERFORM FROM customer WHERE id = ANY(customers) ORDER BY id FOR NO KEY UPDATE;
  FOREACH of_customer IN ARRAY customers LOOP
    FOREACH of_changes IN ARRAY ARRAY[false, true] LOOP
      SELECT e.position, r.create_time, r.id INTO last
      FROM history_entry e JOIN password_change r ON r.id = e.change_id
      WHERE e.customer_id = of_customer AND e.changes_only = of_changes
      ORDER BY e.position DESC LIMIT 1;
      INSERT INTO history_entry (customer_id, changes_only, position, change_id)
      SELECT of_customer, of_changes, coalesce(last.position, 0) + row_number() OVER (ORDER BY r.create_time, r.id), r.id
      FROM password_change r
      WHERE r.customer_id = of_customer
        AND (r.create_time, r.id) > (coalesce(last.create_time, '-infinity'), coalesce(last.id, 0))
        AND (NOT of_changes OR r.operation IN ('change', 'restore', 'reset', 'set'));
    END LOOP;
  END LOOP;
END
$$;

CREATE FUNCTION "number_added_records"() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM number_history(ARRAY(SELECT DISTINCT customer_id FROM added));
  RETURN NULL;
END
$$;

CREATE TRIGGER "password_change_is_numbered"
  AFTER INSERT ON "password_change" REFERENCING NEW TABLE AS "added"
  FOR EACH STATEMENT EXECUTE FUNCTION "number_added_records"();

CREATE FUNCTION "history_entry_is_append_only"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'history_entry is append-only: % refused', TG_OP;
END
$$;

CREATE TRIGGER "history_entry_append_only"
  BEFORE UPDATE OR DELETE OR TRUNCATE ON "history_entry"
  FOR EACH STATEMENT EXECUTE FUNCTION "history_entry_is_append_only"();
