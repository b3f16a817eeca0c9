-- The customers that were erased. Their history stays, without what identifies a person.
CREATE TABLE "erased_customer" (
    "customer_id" INTEGER NOT NULL,
    "erased_at" TIMESTAMPTZ(3) NOT NULL,
    "reason" TEXT NOT NULL,

    CONSTRAINT "erased_customer_pkey" PRIMARY KEY ("customer_id")
);

-- The last record of each customer that was deleted because of its age: the record after it chains to this digest.
CREATE TABLE "history_anchor" (
    "customer_id" INTEGER NOT NULL,
    "change_id" BIGINT NOT NULL,
    "digest" TEXT NOT NULL,
    "records" INTEGER NOT NULL,
    "cut_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "history_anchor_pkey" PRIMARY KEY ("customer_id")
);

-- Erases a customer whom the transaction has locked: deletes every row about the customer, and takes from each history
-- record what identifies a person. `records` and `digests` are the ids of the records and the digests of what is left of
-- them. Returns the numbers of deleted rows by table. With the owner's rights: the service may not delete customers, and
-- may not change a record.
CREATE FUNCTION "erase_customer"("erased" INTEGER, "at" TIMESTAMPTZ, "why" TEXT, "records" BIGINT[], "digests" TEXT[])
  RETURNS jsonb
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  of_table TEXT;
  deleted BIGINT;
  counts JSONB := '{}';
  subject_of_events TEXT;
BEGIN
  SELECT code INTO STRICT subject_of_events FROM customer WHERE id = erased FOR UPDATE;
  INSERT INTO erased_customer (customer_id, erased_at, reason) VALUES (erased, at, why);
  UPDATE password_change r
  SET actor_id = CASE r.actor WHEN 'client' THEN 'erased' ELSE r.actor_id END,
      ip = CASE r.actor WHEN 'client' THEN 'erased' ELSE r.ip END,
      reason = NULL,
      erased_digest = left_over.digest
  FROM unnest(records, digests) AS left_over (id, digest)
  WHERE r.id = left_over.id AND r.customer_id = erased;
  GET DIAGNOSTICS deleted = ROW_COUNT;
  IF deleted <> cardinality(records) THEN
    RAISE EXCEPTION 'customer % has % of these % records', erased, deleted, cardinality(records);
  END IF;
  -- First the removed addresses: the loop that notifies them locks their rows and not the customer, and adds rows to the
  -- tables after it.
  FOREACH of_table IN ARRAY ARRAY['former_address', 'identifier', 'credential', 'former_password', 'restore_request',
    'restore_send', 'restore_failure', 'approval', 'report_link', 'message']
  LOOP
    EXECUTE format('DELETE FROM %I WHERE customer_id = $1', of_table) USING erased;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    counts := counts || jsonb_build_object(of_table, deleted);
  END LOOP;
  DELETE FROM outbox WHERE subject = subject_of_events;
  GET DIAGNOSTICS deleted = ROW_COUNT;
  counts := counts || jsonb_build_object('outbox', deleted);
  DELETE FROM customer WHERE id = erased;
  RETURN counts || jsonb_build_object('password_change', cardinality(records));
END
$$;

-- Deletes at most `most` of the oldest history records, those from before a time, and keeps of each customer where the
-- chain was cut. Skips customers whom another transaction has locked: a record may be appended to their chains, or
-- numbered. Returns how many it deleted.
CREATE FUNCTION "cut_history"("before" TIMESTAMPTZ, "most" INTEGER, "at" TIMESTAMPTZ) RETURNS INTEGER
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  of_customers INTEGER[];
  free INTEGER[];
  cut INTEGER;
BEGIN
  -- With the service's role nobody can remove the traces of the last four weeks.
  IF before > now() - interval '28 days' THEN
    RAISE EXCEPTION 'the history of the last 28 days is kept: % is too late', before;
  END IF;
  -- One instance at a time: the records of an erased customer have no customer to lock.
  IF NOT pg_try_advisory_xact_lock(7364501) THEN RETURN 0; END IF;
  of_customers := ARRAY(
    SELECT DISTINCT customer_id FROM (SELECT customer_id, create_time FROM password_change ORDER BY id LIMIT most) AS first
    WHERE create_time < before
  );
  free := ARRAY(SELECT id FROM customer WHERE id = ANY(of_customers) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
    || ARRAY(SELECT customer_id FROM erased_customer WHERE customer_id = ANY(of_customers));

  WITH old AS MATERIALIZED (
    SELECT customer_id, id, digest, create_time FROM password_change ORDER BY id LIMIT most
  ), of_customer AS MATERIALIZED (
    SELECT customer_id, max(id) AS last_id, count(*) AS n FROM old
    WHERE create_time < before AND customer_id = ANY(free) GROUP BY customer_id
  ), anchored AS (
    INSERT INTO history_anchor AS a (customer_id, change_id, digest, records, cut_at)
    SELECT c.customer_id, c.last_id, old.digest, c.n, at FROM of_customer c JOIN old ON old.id = c.last_id
    ON CONFLICT (customer_id) DO UPDATE SET change_id = EXCLUDED.change_id, digest = EXCLUDED.digest,
      records = a.records + EXCLUDED.records, cut_at = EXCLUDED.cut_at
    RETURNING a.customer_id, a.change_id
  )
  SELECT array_agg(customer_id) INTO free FROM anchored;

  -- A customer's entries are in the order of the records: no more than `most` of each list are read.
  DELETE FROM history_entry e
  USING history_anchor a CROSS JOIN (VALUES (false), (true)) AS list (changes_only)
  WHERE a.customer_id = ANY(free) AND e.customer_id = a.customer_id AND e.changes_only = list.changes_only
    AND e.change_id <= a.change_id
    AND e.position < most + (
      SELECT min(position) FROM history_entry
      WHERE customer_id = a.customer_id AND changes_only = list.changes_only
    );
  DELETE FROM password_change r USING history_anchor a
  WHERE a.customer_id = ANY(free) AND r.customer_id = a.customer_id AND r.id <= a.change_id
    AND r.id IN (SELECT id FROM password_change ORDER BY id LIMIT most);
  GET DIAGNOSTICS cut = ROW_COUNT;
  RETURN cut;
END
$$;
