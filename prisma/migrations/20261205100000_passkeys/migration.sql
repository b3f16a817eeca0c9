-- Credentials of passkeys. A new table; the version before neither reads nor writes it. The public key is sealed in
-- factor.sealed_secret. A passkey goes with its factor, also when the customer is erased.

-- Each use updates a row, in columns without an index: room for that on its page.
CREATE TABLE "passkey" (
    "factor_id" UUID NOT NULL,
    "credential_id" TEXT NOT NULL,
    "counter" BIGINT NOT NULL,
    "transports" TEXT[],
    "is_backup_eligible" BOOLEAN NOT NULL,
    "is_backed_up" BOOLEAN NOT NULL,
    "aaguid" UUID NOT NULL,
    "user_handle" TEXT NOT NULL,

    CONSTRAINT "passkey_pkey" PRIMARY KEY ("factor_id")
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX "passkey_credential_id_key" ON "passkey"("credential_id");

ALTER TABLE "passkey" ADD CONSTRAINT "passkey_factor_id_fkey" FOREIGN KEY ("factor_id") REFERENCES "factor"("id") ON DELETE CASCADE ON UPDATE CASCADE;
