-- Run after every migration as the owner of the tables. Grants the password-service its access: no DDL, and on the history
-- only SELECT and INSERT.

BEGIN;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM rekey_service;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM rekey_service;

-- Append-only.
GRANT SELECT, INSERT ON password_change TO rekey_service;
-- Functions and a trigger of the migrations write them, with the owner's rights.
GRANT SELECT ON history_entry, history_anchor, erased_customer TO rekey_service;

-- Only the function erase_customer deletes rows, those of one customer, with the owner's rights.
GRANT SELECT, INSERT, UPDATE ON customer, credential, job, customer_import, session_not_before TO rekey_service;

-- Rows that expired, were removed or were published are deleted.
GRANT SELECT, INSERT, UPDATE, DELETE ON
  identifier, former_address, former_password, restore_request, restore_send, restore_failure, spent_token,
  report_link, revoked_session, approval, outbox, message, factor, recovery_code, passkey, verification, waiting_restore
TO rekey_service;

-- npm run doctor compares them with those of its version.
GRANT SELECT (migration_name, checksum, finished_at, rolled_back_at) ON _prisma_migrations TO rekey_service;

GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO rekey_service;
COMMIT;
