-- After every migration, as the owner of the tables: what the password-service may do with each. No DDL, and of the
-- history nothing but reading and adding.

BEGIN;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM rekey_service;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM rekey_service;

-- Append-only.
GRANT SELECT, INSERT ON password_change TO rekey_service;

-- Never deleted.
GRANT SELECT, INSERT, UPDATE ON customer, credential, job, customer_import TO rekey_service;

-- What is taken away, expires or has left is deleted.
GRANT SELECT, INSERT, UPDATE, DELETE ON
  identifier, former_password, restore_request, restore_send, restore_failure, spent_token, revoked_session, approval,
  outbox
TO rekey_service;

GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO rekey_service;
COMMIT;
