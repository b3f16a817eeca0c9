-- True if the maker of a request had verified the customer. The version before leaves it false.
ALTER TABLE "approval" ADD COLUMN "verified" BOOLEAN NOT NULL DEFAULT false;
