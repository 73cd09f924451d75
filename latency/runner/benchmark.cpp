// The runner for hosts and phones: times a TorchScript file over recorded inputs.
//
//   latency_runner MODEL INPUTS --first=0 --runs=1000 --checked=50 --window=50 --tolerance=0.05
//       --max-rounds=20 --threads=1 --cores=1
//
// Options and answer are those of latency/runner/python.py; latency/runner/stream.py describes both.

#include <sched.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <torch/csrc/jit/mobile/import.h>
#include <torch/csrc/jit/mobile/module.h>
#include <torch/script.h>
#include <torch/version.h>

namespace {

using Arguments = std::vector<c10::IValue>;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string model, inputs, cores;
  int64_t first, runs, checked, window, max_rounds, threads;
  double tolerance;
};

Options parse_options(int count, char** values) {
  std::vector<std::string> files;
  std::map<std::string, std::string> named;
  for (int i = 1; i < count; ++i) {
    const std::string value = values[i];
    const auto equals = value.find('=');
    if (value.rfind("--", 0) == 0 && equals != std::string::npos) {
      named[value.substr(2, equals - 2)] = value.substr(equals + 1);
    } else {
      files.push_back(value);
    }
  }
  if (files.size() != 2) throw std::invalid_argument("give a model and a file of inputs");
  const auto text = [&](const char* name) {
    const auto found = named.find(name);
    if (found == named.end()) throw std::invalid_argument(std::string("--") + name + "=... is missing");
    return found->second;
  };
  const auto number = [&](const char* name) { return static_cast<int64_t>(std::stoll(text(name))); };
  return {files[0],          files[1],          text("cores"),     number("first"),   number("runs"),
          number("checked"), number("window"),  number("max-rounds"), number("threads"),
          std::stod(text("tolerance"))};
}

void pin(const std::string& cores) {
  if (cores == "any") return;
  cpu_set_t set;
  CPU_ZERO(&set);
  std::stringstream list(cores);
  for (std::string core; std::getline(list, core, ',');) CPU_SET(std::stoi(core), &set);
  if (sched_setaffinity(0, sizeof(set), &set) != 0) throw std::runtime_error("cannot run on cores " + cores);
}

std::string allowed_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return "";
  std::string list;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &set)) list += (list.empty() ? "" : ",") + std::to_string(core);
  }
  return list;
}

// One line of the inputs: a list of lists of integers, e.g. [[12,4,9],[0,1,1]].
Arguments parse_call(const std::string& line, int64_t number) {
  const auto fail = [&] {
    return std::runtime_error("line " + std::to_string(number) + " of the inputs is not a list of lists of integers");
  };
  Arguments arguments;
  std::vector<int64_t> values;
  int depth = 0;
  const char* position = line.c_str();
  while (*position != '\0') {
    if (*position == '[') {
      if (++depth > 2) throw fail();
      values.clear();
      ++position;
    } else if (*position == ']') {
      if (depth-- == 2) arguments.emplace_back(torch::tensor(values, torch::kInt64));
      ++position;
    } else if (*position == ',' || *position == ' ' || *position == '\r') {
      ++position;
    } else {
      char* end = nullptr;
      values.push_back(std::strtoll(position, &end, 10));
      if (end == position || depth != 2) throw fail();
      position = end;
    }
  }
  if (depth != 0 || arguments.empty()) throw fail();
  return arguments;
}

std::vector<Arguments> read_inputs(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) throw std::runtime_error("cannot read the inputs " + file);
  std::vector<Arguments> calls;
  int64_t number = 0;
  for (std::string line; std::getline(stream, line);) calls.push_back(parse_call(line, ++number));
  if (calls.empty()) throw std::runtime_error("there are no inputs in " + file);
  return calls;
}

uint64_t fnv1a(const void* data, size_t bytes, uint64_t state = 0xcbf29ce484222325ULL) {
  const auto* byte = static_cast<const unsigned char*>(data);
  for (size_t i = 0; i < bytes; ++i) state = (state ^ byte[i]) * 0x100000001b3ULL;
  return state;
}

std::string hex(uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(value));
  return text;
}

// Both platforms that the runner is built for are little-endian, as the checksum's definition asks.
std::string output_checksum(const c10::IValue& output) {
  const at::Tensor values = output.toTensor().to(torch::kInt64).contiguous();
  return hex(fnv1a(values.data_ptr<int64_t>(), values.numel() * sizeof(int64_t)));
}

// A loaded file, full TorchScript or lite, behind one call.
class Model {
 public:
  explicit Model(const std::string& file) {
    const std::string lite = ".ptl";
    lite_ = file.size() > lite.size() && file.compare(file.size() - lite.size(), lite.size(), lite) == 0;
    if (lite_) {
      mobile_ = torch::jit::_load_for_mobile(file, c10::kCPU);
    } else {
      full_ = torch::jit::load(file, c10::kCPU);
      full_.eval();
      forward_ = full_.get_method("forward");
    }
  }

  c10::IValue operator()(Arguments arguments) {
    return lite_ ? mobile_.forward(std::move(arguments)) : (*forward_)(std::move(arguments));
  }

  const char* interpreter() const { return lite_ ? "lite interpreter" : "TorchScript"; }

 private:
  bool lite_;
  torch::jit::mobile::Module mobile_;
  torch::jit::Module full_;
  std::optional<torch::jit::Method> forward_;
};

// Nanoseconds of one forward pass; copying the arguments and freeing the output are outside.
int64_t time_run(Model& model, const Arguments& call) {
  Arguments arguments = call;
  const auto before = Clock::now();
  const c10::IValue output = model(std::move(arguments));
  const auto after = Clock::now();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(after - before).count();
}

struct WarmUp {
  int64_t rounds;
  bool warm;
};

// Rounds over the same inputs until two successive ones take equally long.
WarmUp warm_up(Model& model, const std::vector<Arguments>& inputs, const Options& options) {
  const auto window = std::min<int64_t>(options.window, inputs.size());
  const auto round = [&] {
    int64_t total = 0;
    for (int64_t i = 0; i < window; ++i) total += time_run(model, inputs[i]);
    return static_cast<double>(total);
  };
  double previous = round();
  for (int64_t done = 2; done <= options.max_rounds; ++done) {
    const double current = round();
    if (std::abs(current - previous) <= options.tolerance * previous) return {done, true};
    previous = current;
  }
  return {options.max_rounds, false};
}

std::string peak_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) return std::to_string(std::stoll(line.substr(6)) * 1024);
  }
  return "null";
}

std::string join(const std::vector<std::string>& items) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "\"" : ",\"") + item + "\"";
  return text;
}

void run(const Options& options, std::FILE* stream) {
  pin(options.cores);
  at::set_num_threads(static_cast<int>(options.threads));
  const c10::InferenceMode inference;
  const auto inputs = read_inputs(options.inputs);
  const auto count = static_cast<int64_t>(inputs.size());

  const std::string base = peak_bytes();
  const auto started = Clock::now();
  Model model(options.model);
  const auto load_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - started).count();

  std::vector<std::string> outputs;
  for (int64_t i = 0; i < std::min(options.checked, count); ++i) outputs.push_back(output_checksum(model(inputs[i])));
  const WarmUp warmed = warm_up(model, inputs, options);
  const auto warmup_runs =
      static_cast<int64_t>(outputs.size()) + warmed.rounds * std::min(options.window, count);

  std::vector<int64_t> ns(options.runs);
  for (int64_t i = 0; i < options.runs; ++i) ns[i] = time_run(model, inputs[(options.first + i) % count]);

  // Written after the last run, so that no write disturbs one.
  std::ostringstream body;
  body << "{\"type\":\"header\",\"format\":1,\"runner\":\"cpp\",\"runtime\":\"torch " << TORCH_VERSION << ", "
       << model.interpreter() << "\",\"threads\":" << at::get_num_threads() << ",\"cores\":[" << allowed_cores()
       << "],\"load_ns\":" << load_ns << ",\"warmup_runs\":" << warmup_runs
       << ",\"warm\":" << (warmed.warm ? "true" : "false") << ",\"outputs\":[" << join(outputs) << "]}\n";
  for (int64_t i = 0; i < options.runs; ++i) {
    body << "{\"input\":" << (options.first + i) % count << ",\"ns\":" << ns[i] << "}\n";
  }
  body << "{\"type\":\"footer\",\"runs\":" << options.runs << ",\"peak_bytes\":" << peak_bytes()
       << ",\"base_bytes\":" << base << "}\n";
  const std::string text = body.str();
  std::fprintf(stream, "%s{\"seal\":\"%s\"}\n", text.c_str(), hex(fnv1a(text.data(), text.size())).c_str());
}

}  // namespace

int main(int count, char** values) {
  // Libraries print remarks on stdout; they must not get into the stream.
  std::FILE* stream = fdopen(dup(STDOUT_FILENO), "w");
  dup2(STDERR_FILENO, STDOUT_FILENO);
  try {
    run(parse_options(count, values), stream);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return std::fclose(stream) == 0 ? 0 : 1;
}
