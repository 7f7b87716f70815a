/* The mock cluster of librdkafka as a program. It prints its brokers, then takes one command a line and answers each with the name of an
 * error, or with that of none. It ends when its input does, so it cannot outlive whoever started it. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>

static rd_kafka_resp_err_t obey(rd_kafka_mock_cluster_t *cluster, const char *line) {
  char name[256];
  int a, b, c;
  if (sscanf(line, "topic %255s %d", name, &a) == 2) return rd_kafka_mock_topic_create(cluster, name, a, 1);
  if (sscanf(line, "broken %255s %d", name, &a) == 2) {
    /* What is said of a topic; without this the mock makes whatever is asked for. */
    rd_kafka_mock_topic_set_error(cluster, name, (rd_kafka_resp_err_t)a);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  if (sscanf(line, "leader %255s %d %d", name, &a, &b) == 3) return rd_kafka_mock_partition_set_leader(cluster, name, a, b);
  if (sscanf(line, "coordinator %255s %d", name, &a) == 2) return rd_kafka_mock_coordinator_set(cluster, "group", name, a);
  if (sscanf(line, "down %d", &a) == 1) return rd_kafka_mock_broker_set_down(cluster, a);
  if (sscanf(line, "up %d", &a) == 1) return rd_kafka_mock_broker_set_up(cluster, a);
  if (sscanf(line, "rtt %d %d", &a, &b) == 2) return rd_kafka_mock_broker_set_rtt(cluster, a, b);
  if (sscanf(line, "versions %d %d %d", &a, &b, &c) == 3) return rd_kafka_mock_set_apiversion(cluster, a, b, c);
  if (sscanf(line, "fail %d %d %d", &a, &b, &c) == 3) {
    /* The next c requests of kind a get error b. */
    while (c-- > 0) rd_kafka_mock_push_request_errors(cluster, a, 1, (rd_kafka_resp_err_t)b);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  return RD_KAFKA_RESP_ERR__INVALID_ARG;
}

int main(int count, char **arguments) {
  char line[512], problem[512];
  rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), problem, sizeof problem);
  if (client == NULL) return fprintf(stderr, "%s\n", problem), 1;
  rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(client, count > 1 ? atoi(arguments[1]) : 1);
  printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
  fflush(stdout);
  while (fgets(line, sizeof line, stdin) != NULL) {
    printf("%s\n", rd_kafka_err2name(obey(cluster, line)));
    fflush(stdout);
  }
  rd_kafka_mock_cluster_destroy(cluster);
  rd_kafka_destroy(client);
  return 0;
}
