-- The function of 20261203100000_erased_customers, which deletes the customer's factors too; their recovery codes go with them.

-- Erases a customer whom the transaction has locked: deletes every row about the customer, and takes from each history
-- record what identifies a person. `records` and `digests` are the ids of the records and the digests of what is left of
-- them. Returns the numbers of deleted rows by table. With the owner's rights: the service may not delete customers, and
-- may not change a record.
CREATE OR REPLACE FUNCTION "erase_customer"("erased" INTEGER, "at" TIMESTAMPTZ, "why" TEXT, "records" BIGINT[], "digests" TEXT[])
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
    'restore_send', 'restore_failure', 'approval', 'report_link', 'message', 'factor']
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
