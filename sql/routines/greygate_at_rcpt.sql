-- At RCPT: who is it, and did it try before? For any number of questions, in one round trip.
--
-- asked: a JSON array of questions. Each has
--   sender      the envelope sender in small letters; "" is the null reverse-path
--   normal      the same without what changes from mail to mail (VERP, plus-tags)
--   recipients  an array of envelope recipients in small letters
--   rungs       an array of [kind, value]: 1 network ("192.0.2.0/24", "2001:db8::/64"), 2 organisation of the
--               forward-confirmed name, 3 SPF domain (0 when its record permits very many), 4 DKIM domain
--   now         UTC, as "2026-03-04 12:30:15.123456"; the server's clock without it
-- No text is longer than 2000 characters.
--
-- The answer is one result set: question (from 1), what, recipient, told (a JSON object). `what` is
--   grade       a remembered (1) or known (2) correspondent; a stranger has no such row. There may be several: who is
--               known to the recipient "*" is known to everybody, and with a DKIM domain so may be all of a domain
--   sighting    an earlier attempt that shares a rung; once for each rung
--
-- Keys are made as in gateway/store/keys.py: the first half of SHA-256 over the parts, each behind its length. What is
-- written in UTF-8 is cast: beside text a length above 127 would be taken for text as well.
CREATE OR REPLACE PROCEDURE greygate_at_rcpt(IN asked LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin)
READS SQL DATA
COMMENT '@VERSION@'
BEGIN
  WITH
    question AS (
      SELECT written.*, CONCAT('@', SUBSTRING_INDEX(written.normal, '@', -1)) AS domain
      FROM JSON_TABLE(asked, '$[*]' COLUMNS (
        n FOR ORDINALITY,
        sender VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.sender',
        normal VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.normal',
        recipients JSON PATH '$.recipients',
        rungs JSON PATH '$.rungs',
        moment DATETIME(6) PATH '$.now'
      )) AS written
    ),
    pair AS (
      SELECT question.n, question.rungs, question.moment, listed.recipient,
        CONCAT(CHAR(0, 0, LENGTH(question.normal) DIV 256, MOD(LENGTH(question.normal), 256)),
               CAST(question.normal AS BINARY),
               CHAR(0, 0, LENGTH(listed.recipient) DIV 256, MOD(LENGTH(listed.recipient), 256)),
               CAST(listed.recipient AS BINARY)
        ) AS correspondents,
        CONCAT(CHAR(0, 0, LENGTH(question.normal) DIV 256, MOD(LENGTH(question.normal), 256)),
               CAST(question.normal AS BINARY), CHAR(0, 0, 0, 1), '*') AS everybody,
        CONCAT(CHAR(0, 0, LENGTH(question.domain) DIV 256, MOD(LENGTH(question.domain), 256)),
               CAST(question.domain AS BINARY), CHAR(0, 0, 0, 1), '*') AS domain,
        CONCAT(CHAR(0, 0, LENGTH(question.sender) DIV 256, MOD(LENGTH(question.sender), 256)),
               CAST(question.sender AS BINARY),
               CHAR(0, 0, LENGTH(listed.recipient) DIV 256, MOD(LENGTH(listed.recipient), 256)),
               CAST(listed.recipient AS BINARY)
        ) AS envelope
      FROM question
      STRAIGHT_JOIN JSON_TABLE(question.recipients, '$[*]' COLUMNS (
        recipient VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$'
      )) AS listed
    ),
    step AS (
      SELECT pair.*, ladder.kind,
        CONCAT(CHAR(0, 0, 0, LENGTH(ladder.kind)), ladder.kind,
               CHAR(0, 0, LENGTH(ladder.value) DIV 256, MOD(LENGTH(ladder.value), 256)),
               CAST(ladder.value AS BINARY)) AS rung
      FROM pair
      STRAIGHT_JOIN JSON_TABLE(pair.rungs, '$[*]' COLUMNS (
        kind SMALLINT PATH '$[0]',
        value VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[1]'
      )) AS ladder
    )

  SELECT step.n AS question, 'grade' AS what, step.recipient, JSON_OBJECT('grade', memory.grade) AS told
    FROM step
    STRAIGHT_JOIN JSON_TABLE('["one", "everybody", "domain"]', '$[*]' COLUMNS (name VARCHAR(9) PATH '$')) AS whose
    STRAIGHT_JOIN memory ON memory.`key` = UNHEX(LEFT(SHA2(
      CONCAT(CHAR(0, 0, 0, 6), 'memory', step.rung,
             CASE whose.name WHEN 'one' THEN step.correspondents WHEN 'everybody' THEN step.everybody
               ELSE step.domain END), 256), 32))
    WHERE memory.expires > COALESCE(step.moment, UTC_TIMESTAMP(6)) AND (whose.name <> 'domain' OR step.kind = 4)

  UNION ALL
  SELECT step.n, 'sighting', step.recipient, JSON_OBJECT(
      'id', sighting.id, 'first_seen', sighting.first_seen, 'last_seen', sighting.last_seen, 'tries', sighting.tries,
      'size', sighting.size, 'body', sighting.body, 'message_id', sighting.message_id,
      'passed_at', sighting.passed_at, 'kind', by_rung.kind, 'value', by_rung.value)
    FROM step
    STRAIGHT_JOIN JSON_TABLE('["rcpt", "data"]', '$[*]' COLUMNS (name VARCHAR(4) PATH '$')) AS stage
    STRAIGHT_JOIN sighting_rung AS by_rung ON by_rung.`key` = UNHEX(LEFT(SHA2(
      CONCAT(CHAR(0, 0, 0, 4), stage.name, step.rung, step.envelope), 256), 32))
    STRAIGHT_JOIN sighting ON sighting.id = by_rung.sighting_id;
END
