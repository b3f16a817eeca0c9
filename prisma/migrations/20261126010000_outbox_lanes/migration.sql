-- The outbox is relayed in lanes: all events of one customer and one stream are in one lane, and one relay at a time has
-- it. 0 to 7 are PASSWORD's, 8 to 15 NOTIFY's (services/password-service/src/outbox/lanes.ts).
CREATE FUNCTION "outbox_lane"("type" text, "subject" text) RETURNS integer
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN (CASE WHEN "type" LIKE 'notify.%' THEN 8 ELSE 0 END) + (hashtext("subject") & 7);

-- Events that the broker refused, and later events of the same customer and stream, are tried again at retry_at.
ALTER TABLE "outbox"
  ADD COLUMN "attempts" INTEGER NOT NULL DEFAULT 0,
  ADD COLUMN "refused_at" TIMESTAMPTZ(3),
  ADD COLUMN "retry_at" TIMESTAMPTZ(3);
