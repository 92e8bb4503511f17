import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** The bare rule of quix.py on Kafka Streams: more than six in half an hour silence a device for a week. Nothing else. */
public final class BareRule implements Processor<String, JsonNode, String, JsonNode> {
    private static final int LIMIT = 6;
    private static final long WINDOW_MS = 1_800_000;
    private static final long PERIOD_MS = 604_800_000;
    private static final String DEVICES = "devices";
    private static final ObjectMapper JSON = new ObjectMapper();

    /** What is remembered of a device. */
    record Device(List<Long> times, long until, long seq) {}

    private ProcessorContext<String, JsonNode> context;
    private KeyValueStore<String, Device> devices;

    @Override
    public void init(ProcessorContext<String, JsonNode> context) {
        this.context = context;
        this.devices = context.getStateStore(DEVICES);
    }

    @Override
    public void process(Record<String, JsonNode> record) {
        JsonNode event = record.value();
        long at = Instant.parse(event.get("received_at").textValue()).toEpochMilli();
        Device held = devices.get(record.key());
        List<Long> times = held == null ? List.of() : held.times();
        long until = held == null ? 0 : held.until();
        long seq = held == null ? 1 : held.seq() + 1;
        String outcome;
        if (at < until) {
            outcome = "suppressed";
        } else if (!event.get("phase").textValue().equals("raise")) {
            outcome = "not_told";
        } else {
            List<Long> recent = new ArrayList<>(times);
            recent.removeIf(one -> one <= at - WINDOW_MS);
            outcome = recent.size() < LIMIT ? "notify" : "disabled";
            if (outcome.equals("notify")) {
                recent.add(at);
                times = recent;
            } else {
                times = List.of();
                until = at + PERIOD_MS;
            }
        }
        devices.put(record.key(), new Device(times, until, seq));
        JsonNode decision = JSON.createObjectNode()
            .put("device_id", event.get("device_id").textValue())
            .put("device_seq", seq)
            .put("effective_at", event.get("received_at").textValue())
            .put("outcome", outcome)
            .put("until", until)
            .set("event", event);
        context.forward(record.withValue(decision));
    }

    private static <T> Serde<T> json(Class<T> type) {
        return Serdes.serdeFrom(
            (topic, value) -> {
                try {
                    return value == null ? null : JSON.writeValueAsBytes(value);
                } catch (JsonProcessingException error) {
                    throw new SerializationException(error);
                }
            },
            (topic, bytes) -> {
                try {
                    return bytes == null ? null : JSON.readValue(bytes, type);
                } catch (IOException error) {
                    throw new SerializationException(error);
                }
            });
    }

    private static Topology topology(String input, String output) {
        Serde<String> keys = Serdes.String();
        Serde<JsonNode> values = json(JsonNode.class);
        return new Topology()
            .addSource("events", keys.deserializer(), values.deserializer(), input)
            .addProcessor("rule", BareRule::new, "events")
            .addStateStore(
                Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(DEVICES), keys, json(Device.class))
                    .withCachingEnabled(),
                "rule")
            .addSink("decisions", output, keys.serializer(), values.serializer(), "rule");
    }

    /** Run until stopped. */
    public static void main(String[] arguments) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, System.getenv("UPS_KAFKA_BOOTSTRAP_SERVERS"));
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, System.getenv("BENCH_GROUP"));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, System.getenv("BENCH_STATE_DIR"));
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        KafkaStreams streams =
            new KafkaStreams(topology(System.getenv("BENCH_INPUT"), System.getenv("BENCH_OUTPUT")), settings);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }
}
