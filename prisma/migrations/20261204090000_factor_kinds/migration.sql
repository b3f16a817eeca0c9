-- Methods that a customer enrols besides addresses.
CREATE TYPE "factor_kind" AS ENUM ('totp', 'recovery_codes', 'passkey');

-- Which kinds a customer has in force, so that the statements that read the customer anyway tell it. The version before
-- neither reads nor writes it.
ALTER TABLE "customer" ADD COLUMN "factor_kinds" "factor_kind"[] NOT NULL DEFAULT '{}';
