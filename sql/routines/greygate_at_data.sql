-- After the dot: which mail is it, and what became of it? For any number of questions, in one round trip.
--
-- asked: a JSON array of questions. Each has
--   sender      the envelope sender in small letters; "" is the null reverse-path
--   recipients  an array of envelope recipients in small letters
--   rungs       an array of [kind, value]: 1 network ("192.0.2.0/24", "2001:db8::/64"), 2 organisation of the
--               forward-confirmed name, 3 SPF domain (0 when its record permits very many), 4 DKIM domain
--   now         UTC, as "2026-03-04 12:30:15.123456"; the server's clock without it
--   whole, body, message_id   in hex as gateway.model.Fingerprint has them; message_id may be null
-- No text is longer than 2000 characters.
--
-- The answer is one result set: question (from 1), what, recipient, told (a JSON object). `what` is
--   sighting    an earlier attempt that shares a rung, before its data or from a strong identity; once for each rung
--   alike       one with the same content, from whatever network; the 100 earliest
--   copy        our copy of this very mail
--   tombstone   this pair's mail with the same body, Message-ID or bytes that was delivered or decided about; the 50
--               newest
--   kept        the mail whose bytes are these; without recipient
--
-- Keys are made as in gateway/store/keys.py: the first half of SHA-256 over the parts, each behind its length. What is
-- written in UTF-8 is cast: beside text a length above 127 would be taken for text as well.
CREATE OR REPLACE PROCEDURE greygate_at_data(IN asked LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin)
READS SQL DATA
COMMENT '@VERSION@'
BEGIN
  WITH
    question AS (
      SELECT * FROM JSON_TABLE(asked, '$[*]' COLUMNS (
        n FOR ORDINALITY,
        sender VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.sender',
        recipients JSON PATH '$.recipients',
        rungs JSON PATH '$.rungs',
        moment DATETIME(6) PATH '$.now',
        whole VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.whole',
        body VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.body',
        message_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.message_id'
      )) AS written
    ),
    pair AS (
      SELECT question.n, question.rungs, question.moment, question.whole, question.body, question.message_id,
        question.sender, listed.recipient,
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

  SELECT step.n AS question, 'sighting' AS what, step.recipient, JSON_OBJECT(
      'id', sighting.id, 'first_seen', sighting.first_seen, 'last_seen', sighting.last_seen, 'tries', sighting.tries,
      'size', sighting.size, 'body', sighting.body, 'message_id', sighting.message_id,
      'passed_at', sighting.passed_at, 'kind', by_rung.kind, 'value', by_rung.value) AS told
    FROM step
    STRAIGHT_JOIN JSON_TABLE('["rcpt", "data"]', '$[*]' COLUMNS (name VARCHAR(4) PATH '$')) AS stage
    STRAIGHT_JOIN sighting_rung AS by_rung ON by_rung.`key` = UNHEX(LEFT(SHA2(
      CONCAT(CHAR(0, 0, 0, 4), stage.name, step.rung, step.envelope), 256), 32))
    STRAIGHT_JOIN sighting ON sighting.id = by_rung.sighting_id
    -- The network and a wide SPF record (1, 0) need the same content: that is `alike`.
    WHERE stage.name = 'rcpt' OR step.kind > 1

  UNION ALL
  SELECT placed.n, 'alike', placed.recipient, JSON_OBJECT(
      'id', sighting.id, 'first_seen', sighting.first_seen, 'last_seen', sighting.last_seen, 'tries', sighting.tries,
      'size', sighting.size, 'body', sighting.body, 'message_id', sighting.message_id,
      'passed_at', sighting.passed_at, 'kind', by_rung.kind, 'value', by_rung.value)
    FROM (
      SELECT same.*, ROW_NUMBER() OVER (PARTITION BY same.n, same.recipient ORDER BY same.first_seen, same.id) AS place
      FROM (
        SELECT pair.n, pair.recipient, sighting.id, sighting.first_seen
          FROM pair
          STRAIGHT_JOIN sighting ON sighting.body_key = UNHEX(LEFT(SHA2(
            CONCAT(CHAR(0, 0, 0, 4), 'body', pair.envelope, CHAR(0, 0, 0, LENGTH(pair.body)), pair.body), 256), 32))
        UNION
        SELECT pair.n, pair.recipient, sighting.id, sighting.first_seen
          FROM pair
          STRAIGHT_JOIN sighting ON sighting.message_id_key = UNHEX(LEFT(SHA2(
            CONCAT(CHAR(0, 0, 0, 10), 'message-id', pair.envelope,
                   CHAR(0, 0, 0, LENGTH(pair.message_id)), pair.message_id), 256), 32))
      ) AS same
    ) AS placed
    STRAIGHT_JOIN sighting ON sighting.id = placed.id
    STRAIGHT_JOIN sighting_rung AS by_rung ON by_rung.sighting_id = placed.id
    WHERE placed.place <= 100

  UNION ALL
  SELECT pair.n, 'copy', pair.recipient, JSON_OBJECT(
      'id', copy.id, 'message', copy.message, 'recipient', copy.recipient, 'state', copy.state,
      'first_seen', copy.first_seen, 'last_seen', copy.last_seen, 'lease_until', copy.lease_until,
      'sender_key', message.sender_key, 'whole', message.whole, 'body', message.body, 'headers', message.headers,
      'message_id', message.message_id, 'rungs', JSON_COMPACT(message.rungs))
    FROM pair
    STRAIGHT_JOIN message ON message.whole = pair.whole AND message.sender_key = pair.sender
    STRAIGHT_JOIN copy ON copy.message = message.id AND copy.recipient = pair.recipient

  UNION ALL
  SELECT placed.n, 'tombstone', placed.recipient, JSON_OBJECT(
      'id', tombstone.id, 'sender', tombstone.sender, 'recipient', tombstone.recipient, 'outcome', tombstone.outcome,
      'whole', tombstone.whole, 'body', tombstone.body, 'headers', tombstone.headers,
      'message_id', tombstone.message_id, 'rungs', JSON_COMPACT(tombstone.rungs), 'released', tombstone.released,
      'reply', tombstone.reply, 'expires', tombstone.expires, 'consumed_at', tombstone.consumed_at)
    FROM (
      SELECT pair.n, pair.recipient, tombstone.id,
        ROW_NUMBER() OVER (PARTITION BY pair.n, pair.recipient ORDER BY tombstone.id DESC) AS place
      FROM pair
      STRAIGHT_JOIN tombstone ON tombstone.pair = UNHEX(LEFT(SHA2(
        CONCAT(CHAR(0, 0, 0, 4), 'pair', pair.envelope), 256), 32))
      WHERE tombstone.expires > COALESCE(pair.moment, UTC_TIMESTAMP(6))
        AND (tombstone.body = pair.body OR tombstone.message_id = pair.message_id OR tombstone.whole = pair.whole)
    ) AS placed
    STRAIGHT_JOIN tombstone ON tombstone.id = placed.id
    WHERE placed.place <= 50

  UNION ALL
  SELECT question.n, 'kept', NULL, JSON_OBJECT('id', (
      SELECT message.id FROM message
        WHERE message.whole = question.whole AND message.sender_key = question.sender AND message.stored <> 'none'
        ORDER BY message.received_at DESC, message.id DESC LIMIT 1))
    FROM question;
END
