// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {GrantsFixture} from "./GrantsFixture.sol";
import {Grants} from "../src/Grants.sol";
import {GrantsCharter} from "../src/GrantsCharter.sol";
import {GrantsRunners} from "../src/GrantsRunners.sol";
import {Registry} from "../src/Registry.sol";

/// Who opens a use, with what, when; and that a runner's signature counts for nothing else.
contract UsesTest is GrantsFixture {
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        Grants.Terms memory t = termsOf("one");
        t.uses = 3;
        id = granted(t);
    }

    function refusesCall(bytes memory call, bytes memory why) private {
        refuses(address(grants), call, why);
    }

    function badSignature(address signer) private pure returns (bytes memory) {
        return abi.encodeWithSelector(GrantsRunners.InvalidSignature.selector, signer);
    }

    function outOfOrder(uint256 given, uint256 expected) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Grants.OutOfOrder.selector, given, expected);
    }

    /// Opens with a signature over something else than what is sent.
    function openWith(bytes32 request, uint32 use, bytes32 key, uint32 version, address runner_, bytes memory s)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(grants.openUse, (request, use, key, version, runner_, s));
    }

    // Opening

    function test_AnybodySendsWhatARunnerSigned() public {
        vm.prank(stranger);
        open(id, 1);
        vm.assertEq(grants.grantOf(id).runner, runner(0), "the signer is the runner");
    }

    function test_OnlyRegisteredRunnersOpen() public {
        address[4] memory others = [stranger, buyer, owner(3), vm.addr(guardianKeys[0])];
        uint256[4] memory keys = [uint256(keccak256("stranger")), BUYER_KEY, ownerKeys[3], guardianKeys[0]];
        for (uint256 i = 0; i < 4; i++) {
            refusesCall(openCall(keys[i], id, 1, 1), abi.encodeWithSelector(GrantsRunners.NotRunner.selector, others[i]));
        }
        refusesCall(
            openWith(id, 1, ONE_TIME_KEY, 1, address(0), new bytes(65)),
            abi.encodeWithSelector(GrantsRunners.NotRunner.selector, address(0))
        );
        refusesCall(openCall(runnerKeys[0], "unknown", 1, 1), wrongState("unknown", Grants.State.None));
    }

    function test_OpeningTakesTheRunnersOwnSignature() public {
        bytes memory s = openSignature(runnerKeys[1], id, 1, ONE_TIME_KEY, 1);
        refusesCall(openWith(id, 1, ONE_TIME_KEY, 1, runner(0), s), badSignature(runner(0)));
        refusesCall(openWith(id, 1, ONE_TIME_KEY, 1, runner(0), ""), badSignature(runner(0)));
        refusesCall(openWith(id, 1, ONE_TIME_KEY, 1, runner(0), new bytes(65)), badSignature(runner(0)));
        s = openSignature(runnerKeys[0], id, 1, ONE_TIME_KEY, 1);
        refusesCall(openWith(id, 1, ONE_TIME_KEY, 1, runner(0), bytes.concat(s, hex"00")), badSignature(runner(0)));
        refusesCall(openWith(id, 1, keccak256("mine"), 1, runner(0), s), badSignature(runner(0)));
        refusesCall(openWith(id, 1, ONE_TIME_KEY, 1, runner(1), s), badSignature(runner(1)));
        open(id, 1);
    }

    function test_UsesAreOpenedInOrderWithTheFirstVersionOfAKey() public {
        refusesCall(openCall(runnerKeys[0], id, 0, 1), outOfOrder(0, 1));
        refusesCall(openCall(runnerKeys[0], id, 2, 1), outOfOrder(2, 1));
        refusesCall(openCall(runnerKeys[0], id, 1, 0), outOfOrder(0, 1));
        refusesCall(openCall(runnerKeys[0], id, 1, 2), outOfOrder(2, 1));
        refusesCall(
            openWith(id, 1, 0, 1, runner(0), openSignature(runnerKeys[0], id, 1, 0, 1)),
            abi.encodeWithSelector(GrantsCharter.TermsOutOfRange.selector, "oneTimeKey")
        );
        open(id, 1);
        finish(id, 1);
        refusesCall(openCall(runnerKeys[0], id, 1, 1), outOfOrder(1, 2));
        refusesCall(openCall(runnerKeys[0], id, 3, 1), outOfOrder(3, 2));
        // Another runner takes the next.
        (bool ok,) = address(grants).call(openCall(runnerKeys[1], id, 2, 1));
        vm.assertTrue(ok, "opened");
    }

    function test_UseIsOpenedUntilTheGrantExpires() public {
        uint256 expiry = grants.grantOf(id).expiry;
        bytes memory call = openCall(runnerKeys[0], id, 1, 1);
        vm.warp(expiry + 1);
        refusesCall(call, abi.encodeWithSelector(Grants.TooLate.selector, expiry));
        vm.warp(expiry);
        open(id, 1);
        // A use that was opened in time has its whole time.
        vm.warp(expiry + 100);
        finish(id, 1);
        refusesCall(openCall(runnerKeys[0], id, 2, 1), abi.encodeWithSelector(Grants.TooLate.selector, expiry));
        grants.refund(id);
        vm.assertEq(grants.creditOf(buyer), 2 * PRICE, "the uses that were not opened");
    }

    function test_OpeningCannotBeReplayed() public {
        bytes memory s = openSignature(runnerKeys[0], id, 1, ONE_TIME_KEY, 1);
        Grants.Terms memory t = termsOf("two");
        bytes32 other = granted(t);
        refusesCall(openWith(other, 1, ONE_TIME_KEY, 1, runner(0), s), badSignature(runner(0)));
        uint256 chain = block.chainid;
        vm.chainId(chain + 1);
        refusesCall(openWith(id, 1, ONE_TIME_KEY, 1, runner(0), s), badSignature(runner(0)));
        vm.chainId(chain);
        bytes memory open_ = openWith(id, 1, ONE_TIME_KEY, 1, runner(0), s);
        (bool ok,) = address(grants).call(open_);
        vm.assertTrue(ok, "opened");
        refusesCall(open_, outOfOrder(1, 2));
        finish(id, 1);
        refusesCall(open_, outOfOrder(1, 2));
        refusesCall(openWith(id, 2, ONE_TIME_KEY, 1, runner(0), s), badSignature(runner(0)));
    }

    function test_SignaturesOfOneAssetAreNothingToAnother() public {
        bytes memory openingHere = openSignature(runnerKeys[0], id, 1, ONE_TIME_KEY, 1);
        bytes memory resultHere = resultSignature(runnerKeys[0], id, 1);
        bytes memory failureHere = failureSignature(runnerKeys[0], id, 1);
        useAsset(params("twin"));
        grow();
        // The other asset's grant has another identifier; and even under the same one the domain differs.
        bytes32 there = granted("one");
        refusesCall(openWith(there, 1, ONE_TIME_KEY, 1, runner(0), openingHere), badSignature(runner(0)));
        open(there, 1);
        refusesCall(
            abi.encodeCall(grants.postResult, (there, 1, RESULT, INPUTS, resultHere)), badSignature(runner(0))
        );
        refusesCall(abi.encodeCall(grants.failUse, (there, 1, "timeout", failureHere)), badSignature(runner(0)));
    }

    // Another key for a use that is open

    function test_RestartedRunnerReplacesTheKeyOfItsUse() public {
        open(id, 1);
        uint64 deadline = grants.grantOf(id).useDeadline;
        skip(60);
        bytes32 key = keccak256("second key");
        bytes memory s = openSignature(runnerKeys[0], id, 1, key, 2);
        vm.expectEmit(address(grants));
        emit Grants.UseOpened(id, 1, runner(0), key, 2, deadline);
        grants.openUse(id, 1, key, 2, runner(0), s);
        Grants.Grant memory g = grants.grantOf(id);
        vm.assertEq(g.oneTimeKey, key, "key");
        vm.assertEq(g.keyVersion, 2, "version");
        vm.assertEq(g.useDeadline, deadline, "no more time than before");
        finish(id, 1);
    }

    function test_OnlyTheNextVersionAndTheSameRunnerReplaceAKey() public {
        open(id, 1);
        refusesCall(openCall(runnerKeys[0], id, 1, 1), outOfOrder(1, 2));
        refusesCall(openCall(runnerKeys[0], id, 1, 3), outOfOrder(3, 2));
        refusesCall(openCall(runnerKeys[1], id, 1, 2), abi.encodeWithSelector(GrantsRunners.NotRunner.selector, runner(1)));
        refusesCall(openCall(runnerKeys[0], id, 2, 2), outOfOrder(2, 1));
        refusesCall(
            openWith(id, 1, ONE_TIME_KEY, 2, runner(0), openSignature(runnerKeys[0], id, 1, ONE_TIME_KEY, 1)),
            badSignature(runner(0))
        );
        bytes memory second = openCall(runnerKeys[0], id, 1, 2);
        (bool ok,) = address(grants).call(second);
        vm.assertTrue(ok, "the next");
        refusesCall(second, outOfOrder(2, 3));
    }

    function test_KeyIsReplacedUntilTheUseIsOver() public {
        open(id, 1);
        uint256 deadline = vm.getBlockTimestamp() + 100;
        bytes memory second = openCall(runnerKeys[0], id, 1, 2);
        vm.warp(deadline + 1);
        refusesCall(second, abi.encodeWithSelector(Grants.TooLate.selector, deadline));
        vm.warp(deadline);
        (bool ok,) = address(grants).call(second);
        vm.assertTrue(ok, "at the last second");
    }

    // Results and failures

    function test_UseIsFinishedUntilItsDeadline() public {
        open(id, 1);
        uint256 deadline = vm.getBlockTimestamp() + 100;
        bytes memory late = abi.encodeWithSelector(Grants.TooLate.selector, deadline);
        vm.warp(deadline + 1);
        refusesCall(resultCall(runnerKeys[0], id, 1), late);
        refusesCall(failureCall(runnerKeys[0], id, 1), late);
        vm.warp(deadline);
        refusesCall(abi.encodeCall(grants.refund, (id)), wrongState(id, Grants.State.UseOpened));
        finish(id, 1);
    }

    function test_UseIsGivenUpUntilItsDeadline() public {
        open(id, 1);
        skip(100);
        giveUp(id, 1);
        vm.assertEq(grants.creditOf(buyer), 3 * PRICE, "all goes back");
    }

    function test_OnlyTheRunnerOfTheUseFinishesIt() public {
        open(id, 1);
        bytes memory s = resultSignature(runnerKeys[1], id, 1);
        refusesCall(abi.encodeCall(grants.postResult, (id, 1, RESULT, INPUTS, s)), badSignature(runner(0)));
        s = failureSignature(runnerKeys[1], id, 1);
        refusesCall(abi.encodeCall(grants.failUse, (id, 1, "timeout", s)), badSignature(runner(0)));
        vm.prank(runner(0));
        refusesCall(abi.encodeCall(grants.failUse, (id, 1, "timeout", "")), badSignature(runner(0)));
    }

    function test_EveryFieldOfAResultIsSigned() public {
        open(id, 1);
        bytes memory s = resultSignature(runnerKeys[0], id, 1);
        refusesCall(abi.encodeCall(grants.postResult, (id, 1, "other", INPUTS, s)), badSignature(runner(0)));
        refusesCall(abi.encodeCall(grants.postResult, (id, 1, RESULT, "other", s)), badSignature(runner(0)));
        // Neither is a result a failure, nor a failure a result.
        refusesCall(abi.encodeCall(grants.failUse, (id, 1, RESULT, s)), badSignature(runner(0)));
        s = failureSignature(runnerKeys[0], id, 1);
        refusesCall(abi.encodeCall(grants.failUse, (id, 1, "other", s)), badSignature(runner(0)));
        refusesCall(abi.encodeCall(grants.postResult, (id, 1, RESULT, INPUTS, s)), badSignature(runner(0)));
        refusesCall(resultCall(runnerKeys[0], id, 2), outOfOrder(2, 1));
        refusesCall(failureCall(runnerKeys[0], id, 2), outOfOrder(2, 1));
        finish(id, 1);
    }

    function test_ResultAndFailureCannotBeReplayed() public {
        bytes memory result = resultSignature(runnerKeys[0], id, 1);
        bytes memory failure = failureSignature(runnerKeys[0], id, 1);
        bytes32 other = granted("two");
        open(other, 1);
        refusesCall(abi.encodeCall(grants.postResult, (other, 1, RESULT, INPUTS, result)), badSignature(runner(0)));
        refusesCall(abi.encodeCall(grants.failUse, (other, 1, "timeout", failure)), badSignature(runner(0)));
        open(id, 1);
        uint256 chain = block.chainid;
        vm.chainId(chain + 1);
        refusesCall(abi.encodeCall(grants.postResult, (id, 1, RESULT, INPUTS, result)), badSignature(runner(0)));
        refusesCall(abi.encodeCall(grants.failUse, (id, 1, "timeout", failure)), badSignature(runner(0)));
        vm.chainId(chain);
        grants.postResult(id, 1, RESULT, INPUTS, result);
        open(id, 2);
        refusesCall(abi.encodeCall(grants.postResult, (id, 1, RESULT, INPUTS, result)), outOfOrder(1, 2));
        refusesCall(abi.encodeCall(grants.postResult, (id, 2, RESULT, INPUTS, result)), badSignature(runner(0)));
        refusesCall(abi.encodeCall(grants.failUse, (id, 2, "timeout", failure)), badSignature(runner(0)));
        vm.assertEq(token.dividendsReceived(), PRICE, "settled once");
    }

    // Pauses and runners that were removed

    function test_NoUseIsOpenedWhileAGuardianPauses() public {
        vm.prank(vm.addr(guardianKeys[0]));
        registry.pause();
        uint256 until = vm.getBlockTimestamp() + 3 days;
        bytes memory call = openCall(runnerKeys[0], id, 1, 1);
        refusesCall(call, abi.encodeWithSelector(GrantsRunners.Paused.selector, until));
        vm.warp(until - 1);
        refusesCall(call, abi.encodeWithSelector(GrantsRunners.Paused.selector, until));
        vm.warp(until);
        open(id, 1);
    }

    function test_PauseStopsReplacingAKeyButNotFinishing() public {
        open(id, 1);
        vm.prank(vm.addr(guardianKeys[0]));
        registry.pause();
        refusesCall(
            openCall(runnerKeys[0], id, 1, 2),
            abi.encodeWithSelector(GrantsRunners.Paused.selector, vm.getBlockTimestamp() + 3 days)
        );
        // What was released before can only be finished or given back.
        finish(id, 1);
    }

    function test_PauseHoldsNoMoney() public {
        open(id, 1);
        vm.prank(vm.addr(guardianKeys[0]));
        registry.pause();
        skip(101);
        grants.refund(id);
        vm.assertEq(grants.payCredit(buyer), 3 * PRICE, "all goes back");
    }

    function test_RemovedRunnerCanOnlyEndTheUseItOpened() public {
        open(id, 1);
        vm.prank(address(timelock));
        registry.setRunners(new address[](0));
        bytes memory notRunner = abi.encodeWithSelector(GrantsRunners.NotRunner.selector, runner(0));
        refusesCall(openCall(runnerKeys[0], id, 1, 2), notRunner);
        finish(id, 1);
        refusesCall(openCall(runnerKeys[0], id, 2, 1), notRunner);
        address[] memory runners = new address[](1);
        runners[0] = runner(1);
        vm.prank(address(timelock));
        registry.setRunners(runners);
        refusesCall(openCall(runnerKeys[0], id, 2, 1), notRunner);
        (bool ok,) = address(grants).call(openCall(runnerKeys[1], id, 2, 1));
        vm.assertTrue(ok, "the new one");
    }
}
