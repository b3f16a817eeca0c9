-- The links of one customer, which an erasure deletes.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "report_link_customer_id_idx" ON "report_link"("customer_id");
