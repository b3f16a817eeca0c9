-- One time for all customers: each of their sessions that began at or before it has ended. At most one row. The start of a
-- reset of all customers writes it; services of the version before neither read nor write it.
CREATE TABLE "session_not_before" (
  "id" SMALLINT NOT NULL DEFAULT 1,
  "not_before" TIMESTAMPTZ(3) NOT NULL,

  CONSTRAINT "session_not_before_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "session_not_before_one_row" CHECK ("id" = 1)
);
